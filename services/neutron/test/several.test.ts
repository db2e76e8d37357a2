// Two Neutrons on one PostgreSQL: what one could not tell before it died, the other tells.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { neutronAlone } from './cloud.ts'

const ADMIN = 'pa:admin,manager,member,reader'
const SERVER = '90000000-0000-4000-8000-000000000001'

test('an event that a controller wrote down and could not tell before it died is told by the other within seconds', async () => {
  await using two = await twoControllers<Tables>(migrations)
  const dying = await neutronAlone({ db: two.databases[0], name: 'dying' })
  await using other = await neutronAlone({ db: two.databases[1], name: 'other' })
  await other.settled()
  dying.nova.deaf = true
  const network = await dying.make('network', { name: 'n' }, ADMIN)
  const port = await dying.make('port', { network_id: network.id, device_id: SERVER, device_owner: 'compute:nova' }, ADMIN)
  assert.equal((await dying.ask('DELETE', `/v2.0/ports/${port.id}`, undefined, { as: ADMIN })).status, 204)
  await dying[Symbol.asyncDispose]()
  assert.deepEqual([dying.nova.heard, other.nova.heard], [[], []])
  await other.clock.advance(5000)
  await other.settled()
  assert.deepEqual(other.nova.heard, [`network-vif-deleted ${SERVER} ${port.id}`])
})

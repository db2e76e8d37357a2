// Volumes that a controller was making for a server when it was heard of last, with two controllers on one PostgreSQL; one is as dead as its clock stands still.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import * as volumes from '../store/volumes.ts'
import { novaAlone } from './cloud.ts'
import { IMAGE, VOLUME } from './neighbours.ts'

const BODY = { server: { name: 'v', flavorRef: '1', networks: 'none', block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'volume', uuid: IMAGE, volume_size: 4 }] } }

/** Two controllers, the second with a host; Cinder makes no volume until `wakes` says whether it does. */
async function two() {
  await using undo = new AsyncDisposableStack()
  const { databases } = undo.use(await twoControllers<Tables>(migrations))
  const one = undo.use(await novaAlone({ db: databases[0], name: 'one', hosts: 0 }))
  const other = undo.use(await novaAlone({ db: databases[1], name: 'other', others: one.others, hosts: 1, flavors: false }))
  const wakes = Promise.withResolvers<boolean>()
  one.others.held.push({ match: 'POST /volume/v3/volumes', isDone: wakes.promise })
  const all = undo.move()
  return { one, other, wakes, unmade: () => one.db.read(volumes.unmade), [Symbol.asyncDispose]: () => all.disposeAsync() }
}

for (const lives of [false, true]) {
  test(`a server whose volume a controller was making that ${lives ? 'was only slow' : 'never came back'} is in ERROR within a minute, and leaves no volume`, async () => {
    await using clouds = await two()
    const { one, other, wakes } = clouds
    const member = Buffer.from(JSON.stringify({ userId: 'u1', userDomainId: 'default', projectId: 'p1', projectDomainId: 'default', roles: ['member', 'reader'] })).toString('base64')
    const asked = fetch(`http://127.0.0.1:${await one.listen()}/compute/v2.1/servers`, {
      method: 'POST', headers: { 'x-auth-token': member, 'content-type': 'application/json', 'openstack-api-version': 'compute 2.96' }, body: JSON.stringify(BODY),
    })
    let id = ''
    await other.until(async () => {
      id = (await other.as().get('/v2.1/servers')).body.servers[0]?.id ?? ''
      return id !== ''
    }, 'the server is there')
    const began = other.clock.now()
    const server = await other.settle(id, 'ERROR')
    assert.match(server.fault.message, /stopped before the volume was made/)
    assert.ok(other.clock.now() - began < 60_000, `${other.clock.now() - began} ms`)
    wakes.resolve(lives)
    await (await asked).text()
    assert.deepEqual([[...one.others.volumes.keys()], one.others.allocations.size, await clouds.unmade()], [[VOLUME], 0, []])
    assert.deepEqual(await other.nova.audit(), [])
  })
}

test('a volume that a living controller makes slowly is waited for', async () => {
  await using clouds = await two()
  const { one, other, wakes } = clouds
  const asked = one.as({}, '2.96').post('/v2.1/servers', BODY)
  await other.until(async () => (await clouds.unmade()).length === 1, 'the volume is being made')
  for (let passed = 0; passed < 90; passed += 5) {
    const [before] = await clouds.unmade()
    await other.clock.advance(5000)
    while ((await clouds.unmade())[0]!.beats === before!.beats) await one.clock.advance(1000)
  }
  wakes.resolve(true)
  const { body: { server: { id } } } = await asked
  await other.settle(id, 'ACTIVE')
})

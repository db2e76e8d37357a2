// A controller by itself: what it leaves behind when it stops.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { computeControl } from '@alto/contracts/compute-agent'
import { networkControl } from '@alto/contracts/network-agent'
import { volumeControl } from '@alto/contracts/volume-agent'
import { systemClock } from '@alto/kit/clock'
import { loadConfig } from '@alto/kit/config'
import { openSqlite } from '@alto/kit/db'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { client, LocalTransport } from '@alto/kit/rpc'
import { stayAlive } from '@alto/kit/testing'
import { sections, startController } from './index.ts'

test('a controller that has stopped answers no agent: whoever asks hears that nobody is there', async () => {
  using _alive = stayAlive()
  const data = await mkdtemp(join(tmpdir(), 'alto-controller-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(data, { recursive: true }))
  const transport = new LocalTransport({ clock: systemClock })
  const controller = await startController({
    services: ['nova', 'neutron', 'cinder'], name: 'controller1', config: loadConfig(sections, { file: 'none', text: '', environment: {} }), transport, listen: undefined, publicUrl: undefined,
    directories: { keys: join(data, 'keys'), images: join(data, 'images') }, secrets: { servicePasswords: { nova: 'n', neutron: 'n', cinder: 'c' }, metadataSecret: 'm' },
    async open<Tables>() {
      const db = openSqlite<Tables>(':memory:')
      undo.defer(() => db.close())
      return db
    },
    clock: systemClock, ids: systemIds, log: silentLog,
  })
  const asked = { host: 'host1', incarnation: 'one', cursor: 0 }
  const ask = () => [
    client(computeControl, transport, 'nova').desired(asked), client(networkControl, transport, 'neutron').desired(asked), client(volumeControl, transport, 'cinder').desired(asked),
  ] as const
  await Promise.all(ask())
  await controller.stop()
  for (const asking of ask()) await assert.rejects(asking, { code: 'rpc.unreachable' })
})

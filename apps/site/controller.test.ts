// A controller by itself: what it leaves behind when it stops, or did not start.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
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
import { client, LocalTransport, type Contract, type Methods, type ServeOptions, type Serving, type Transport } from '@alto/kit/rpc'
import { taskBell } from '@alto/kit/task'
import { stayAlive } from '@alto/kit/testing'
import { sections, startController } from './index.ts'

/** A controller of three services on `transport`, over databases in memory that end with `undo`. */
async function start(undo: AsyncDisposableStack, transport: Transport, databases = new Map<string, { close(): Promise<void> }>(), listen?: { host: string, port: number }) {
  const data = await mkdtemp(join(tmpdir(), 'alto-controller-'))
  undo.defer(() => rm(data, { recursive: true }))
  return startController({
    services: ['nova', 'neutron', 'cinder'], name: 'controller1', config: loadConfig(sections, { file: 'none', text: '', environment: {} }), transport, listen, publicUrl: undefined,
    directories: { keys: join(data, 'keys'), images: join(data, 'images') }, secrets: { servicePasswords: { nova: 'n', neutron: 'n', cinder: 'c' }, metadataSecret: 'm' },
    async open<Tables>(service: string) {
      const db = openSqlite<Tables>(':memory:')
      databases.set(service, db)
      return db
    },
    clock: systemClock, ids: systemIds, log: silentLog,
  })
}

/** What three agents ask a controller. */
function ask(transport: Transport) {
  const asked = { host: 'host1', incarnation: 'one', cursor: 0 }
  return [
    client(computeControl, transport, 'nova').desired(asked), client(networkControl, transport, 'neutron').desired(asked), client(volumeControl, transport, 'cinder').desired(asked),
  ] as const
}

test('a controller that has stopped answers no agent: whoever asks hears that nobody is there', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const transport = new LocalTransport({ clock: systemClock })
  const controller = await start(undo, transport)
  await Promise.all(ask(transport))
  await controller.stop()
  for (const asking of ask(transport)) await assert.rejects(asking, { code: 'rpc.unreachable' })
})

test('a controller of which one service does not start serves nothing: no agent is answered, no bell is heard, the port is free, and the reason is what is thrown', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const databases = new Map<string, { close(): Promise<void> }>()
  /** Takes Cinder's database away when it begins to share bells: its tasks, which are next, cannot be read. */
  class Taking extends LocalTransport {
    override serve<Interface extends Methods<Interface>>(contract: Contract<Interface>, target: string, implementation: Interface, options: ServeOptions = {}): Serving {
      if (contract.name === taskBell.name && target === 'cinder') void databases.get('cinder')!.close()
      return super.serve(contract, target, implementation, options)
    }
  }
  const transport = new Taking({ clock: systemClock })
  const port = await freePort()
  await assert.rejects(start(undo, transport, databases, { host: '127.0.0.1', port }), /database is not open|statement has been finalized/)
  for (const asking of ask(transport)) await assert.rejects(asking, { code: 'rpc.unreachable' })
  for (const service of ['nova', 'cinder']) await transport.serve(taskBell, service, { rang: async () => {} }).close()       // which is refused where somebody serves
  await assert.rejects(fetch(`http://127.0.0.1:${port}/compute/`))
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

// The agent with real guests: a server goes from its row to a login prompt, the agent dies and comes back, and a guest boots from a volume.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ObservedServer, WantedServer } from '@alto/contracts/compute-agent'
import { systemClock } from '@alto/kit/clock'
import { qemuImg } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { guestImage, stayAlive } from '@alto/kit/testing'
import { qemuHypervisor } from '../driver/qemu/hypervisor.ts'
import { computeAgentOn } from './agent.ts'

const dir = await mkdtemp(join(tmpdir(), 'alto-a-'))
const options = { host: commandHost, clock: systemClock, data: join(dir, 'data'), run: join(dir, 'run'), mark: `alto-${systemIds.hex().slice(0, 8)}-test` }
const built = await guestImage()
const rows = new Map<string, WantedServer>()
const seen = new Map<string, ObservedServer>()

function server(change: Partial<WantedServer>): WantedServer {
  return {
    id: systemIds.uuid(), generation: 1, epoch: 1, name: 'web', flavor: { vcpus: 1, ramMib: 128 }, ports: [], volumes: [], power: 'running', powerNonce: 'n1', shutdownTimeoutMs: 30_000, snapshots: [],
    root: { kind: 'image', revision: 1, image: { id: 'guest', sha512: built.sha512, diskFormat: 'qcow2' }, diskGib: 1 },
    configDrive: [{ path: 'openstack/latest/meta_data.json', content: Buffer.from('{"hostname": "web"}').toString('base64') }], ...change,
  }
}

async function agent() {
  const driver = await qemuHypervisor(options)
  const running = computeAgentOn({
    driver, clock: systemClock, log: silentLog, host: 'h1', incarnation: systemIds.hex(), pollMs: 100,
    images: { open: async () => createReadStream(built.path), async upload() {} },
    control: {
      async desired() { return { servers: [...rows.values()], tombstones: [], cursor: 0 } },
      async report({ serverId, observed }) { seen.set(serverId, observed) },
      async heartbeat() { return { databaseEpoch: 1 } },
    },
  })
  await running.start()
  return { driver, running, async stop() { await running.stop(); await driver.close() } }
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = systemClock.now() + 120_000; !await condition(); await systemClock.sleep(100)) {
    if (systemClock.now() > end) throw new Error(`never: ${what}; seen: ${JSON.stringify([...seen])}`)
  }
}

const alive = stayAlive()

after(async () => {
  const driver = await qemuHypervisor(options)
  for (const id of rows.keys()) await driver.destroy(id)
  await driver.close()
  await rm(dir, { recursive: true })
  alive[Symbol.dispose]()
})

test('a guest outlives its agent, is managed again by the next one, and starts again when its process was killed', async () => {
  const web = server({})
  rows.set(web.id, web)
  const first = await agent()
  await until(async () => seen.get(web.id)?.converged === true && seen.get(web.id)?.power === 'running', 'running')
  await until(async () => /web login: /.test(await first.driver.consoleLog(web.id)), 'login prompt')
  await first.stop()

  const second = await agent()
  const [process] = (await second.driver.marked()).filter(({ kind }) => kind === 'process')
  rows.set(web.id, { ...web, generation: 2, power: 'paused' })
  await until(async () => seen.get(web.id)?.power === 'paused', 'paused')
  assert.deepEqual((await second.driver.marked()).filter(({ kind }) => kind === 'process'), [process])
  globalThis.process.kill(Number(process!.name), 'SIGKILL')
  await until(async () => (await second.driver.marked()).some(({ kind, name }) => kind === 'process' && name !== process!.name), 'another process')
  // A process that is just being made has no monitor yet: whoever looks is told so, and looks again.
  await until(async () => (await second.driver.look(web.id).catch(() => undefined))?.process === 'paused', 'paused again')
  rows.set(web.id, { ...web, generation: 3, power: 'stopped' })
  await until(async () => seen.get(web.id)?.power === 'stopped' && seen.get(web.id)?.converged === true, 'stopped')
  await second.stop()
})

test('a guest boots from a volume', async () => {
  const path = join(dir, 'boot.qcow2')
  await qemuImg(commandHost).convert({ path: built.path, format: 'qcow2' }, { path, format: 'qcow2' }, 2 ** 30)
  await qemuImg(commandHost).resize({ path, format: 'qcow2' }, 2 ** 30)
  const volume = { id: systemIds.uuid(), attachmentId: systemIds.uuid(), device: '/dev/vda', sizeGib: 1, connection: { kind: 'file', path, format: 'qcow2' } } as const
  const db = server({ root: { kind: 'volume', volumeId: volume.id }, volumes: [volume] })
  rows.set(db.id, db)
  const running = await agent()
  await until(async () => /login: /.test(await running.driver.consoleLog(db.id)), 'login prompt')
  assert.deepEqual((await running.driver.look(db.id)).volumes.map(({ attachmentId }) => attachmentId), [volume.attachmentId])
  await running.stop()
  await running.running.shutDownGuests(0)
  assert.deepEqual((await running.driver.marked()).filter(({ kind }) => kind === 'process'), [])
})

// A Cinder of its own for a test: real store in memory, real policy, real tasks, a real agent over remembered disks; callers by the roles in their token.
import { createHash } from 'node:crypto'
import { volumeAgent, volumeControl } from '@alto/contracts/volume-agent'
import { ManualClock } from '@alto/kit/clock'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import type { ComputeClient, Image, ServerEvent, VolumeCopyProgress } from '@alto/kit/openstack'
import { enforcer, policySet } from '@alto/kit/policy'
import { client, LocalTransport } from '@alto/kit/rpc'
import { cinderService, fakeDisks, migrations, policy, volumeAgentOn, type DiskStore, type Tables } from '../index.ts'

/** An answer, its body parsed. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

/** How one asks: `PROJECT:ROLE,ROLE` as the token, and a microversion. */
export interface Asking { token?: string | undefined, version?: string, key?: string }

type VolumeCopy = Parameters<ComputeClient['copyVolume']>[0]

export type Cloud = Awaited<ReturnType<typeof cinderAlone>>

export const CONTENT = Buffer.from('the bytes of an image')
export const IMAGE_ID = '11111111-1111-4111-8111-111111111111'

/** Cinder alone with one volume host, `host1`; asked as a member of project `p1` at the newest version unless told otherwise. With a `db` it is one of several on it, each by a `name` of its own. */
export async function cinderAlone(opts: { disks?: DiskStore, nbdPorts?: string, agent?: boolean, db?: Database<Tables>, name?: string, copy?: (copy: VolumeCopy) => VolumeCopyProgress, forget?: () => void } = {}) {
  const clock = new ManualClock()
  const ids = seededIds(opts.name ?? 'cinder')
  const log = memoryLog()
  const db = opts.db ?? openSqlite<Tables>(':memory:')
  if (!opts.db) await migrate(db, migrations, clock)
  const asked = enforcer(policySet(policy))
  const rpc = new LocalTransport({ clock, log })
  const events: ServerEvent[] = []
  const copies = new Map<string, VolumeCopy>()
  const uploads = new Map<string, Buffer>()
  const image: Image = {
    id: IMAGE_ID, name: 'cirros', status: 'active', owner: 'p1', visibility: 'public', disk_format: 'raw', container_format: 'bare', size: CONTENT.length, virtual_size: 2 ** 30, min_disk: 0, min_ram: 0,
    os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(CONTENT).digest('hex'), os_distro: 'cirros',
  }
  const images = new Map([[IMAGE_ID, image]])
  const cinder = cinderService({
    db, clock, ids, log, enforcer: () => asked, host: opts.name ?? 'controller', transport: rpc,
    options: { defaultVolumeType: '__DEFAULT__', storageAvailabilityZone: 'nova', osapiMaxLimit: 1000, serviceDownTime: 60, nbdPorts: opts.nbdPorts ?? '10809-10810', stepDeadlineSeconds: 300 },
    authenticate: async token => {
      const [projectId = '', roles = ''] = token.split(':')
      return { userId: 'u1', userDomainId: 'default', projectId, projectDomainId: 'default', roles: roles.split(',') }
    },
    compute: {
      sendEvents: async sent => { events.push(...sent) },
      async copyVolume(copy) { copies.set(copy.id, copy); return opts.copy?.(copy) ?? { status: 'done' } },
      async forgetCopy({ id }) {
        opts.forget?.()
        copies.delete(id)
      },
    },
    image: {
      image: async (_as, id) => images.get(id),
      create: async (_as, given) => {
        const made = { ...image, ...given, id: ids.uuid(), status: 'queued' } as Image
        images.set(made.id, made)
        return made
      },
      remove: async (_as, id) => { images.delete(id) },
      share: async () => { throw new Error('Cinder shares no image') },
      download: async () => { throw new Error('only agents download') },
      upload: async () => { throw new Error('only agents upload') },
    },
  })
  rpc.serve(volumeControl, 'cinder', cinder.control)
  const disks = opts.disks ?? fakeDisks()
  const agent = volumeAgentOn({
    driver: disks, control: client(volumeControl, rpc, 'cinder'), clock, log, host: 'host1', incarnation: 'i1',
    images: {
      open: async ({ id }) => { if (!images.has(id)) throw new Fault('notFound', 'image.gone', 'the image is gone'); return (async function* () { yield CONTENT })() },
      upload: async (id, content) => { const chunks: Uint8Array[] = []; for await (const chunk of content.read()) chunks.push(chunk); uploads.set(id, Buffer.concat(chunks)) },
    },
  })
  rpc.serve(volumeAgent, 'host1', agent.agent)
  await cinder.start()
  if (opts.agent !== false) await agent.start()
  const server = await httpServer({ services: cinder.http, log, ids, clock, publicUrl: 'http://cloud' })

  async function ask(method: string, path: string, body?: unknown, how: Asking = {}): Promise<Answer> {
    const token = 'token' in how ? how.token : 'p1:member,reader'
    const response = await server.fetch({
      method, url: `/volume/v3${path}`, body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { 'x-auth-token': token }), 'openstack-api-version': `volume ${how.version ?? '3.71'}`,
        ...(how.key !== undefined && { 'x-alto-idempotency-key': how.key }),
      },
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) as unknown, headers: response.headers }
  }

  /** Lets tasks and agent work until neither has anything to do. */
  async function settled(): Promise<void> {
    for (let round = 0; round < 6; round++) {
      await cinder.idle()
      await agent.idle()
      await new Promise(resolve => setImmediate(resolve))
    }
    await cinder.idle()
  }

  /** A volume that is available, unless nobody can make it; its id. */
  async function volume(given: object = { size: 1, name: 'vol' }): Promise<string> {
    const { body } = await ask('POST', '/volumes', { volume: given })
    const id = body.volume.id as string
    for (let round = 0; round < 20 && (round === 0 || await status(id) === 'creating'); round++) await settled()      // a busy database may answer late
    return id
  }

  const status = async (id: string) => (await ask('GET', `/volumes/${id}`, undefined, { token: 'a:admin' })).body.volume?.status as string | undefined

  return {
    ask, settled, volume, clock, db, log, cinder, agent, disks, events, copies, uploads, images,
    status,
    async [Symbol.asyncDispose]() {
      await server.close()
      await agent.stop()
      await cinder.stop()
      if (!opts.db) await db.close()
    },
  }
}

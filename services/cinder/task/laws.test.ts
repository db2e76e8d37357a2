// The laws of tasks hold for every task of Cinder: a small cloud whose one host does at each turn what its rows say.
import { ManualClock } from '@alto/kit/clock'
import { requestContext } from '@alto/kit/context'
import { migrate, openSqlite } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import { enforcer, policySet } from '@alto/kit/policy'
import { TaskQueue, TaskRunner, type Definition } from '@alto/kit/task'
import { testTaskLaws, type OpenWorld } from '@alto/kit/testing'
import { policy } from '../index.ts'
import { attachmentManager } from '../manager/attachments.ts'
import { volumeController } from '../manager/control.ts'
import type { Deps } from '../manager/deps.ts'
import { snapshotManager } from '../manager/snapshots.ts'
import { volumeActionManager } from '../manager/volume-actions.ts'
import { volumeManager } from '../manager/volumes.ts'
import { GIB } from '../model/disks.ts'
import { migrations, type Tables } from '../store/tables.ts'
import * as types from '../store/volume-types.ts'
import { snapshotCreate, snapshotDelete } from './snapshots.ts'
import { volumeCreate, volumeDelete, volumeExtend, volumeUpload } from './volumes.ts'

const BLANK = { name: null, description: null, imageId: undefined, snapshotId: undefined, sourceVolumeId: undefined, type: undefined, zone: undefined, metadata: {}, multiattach: false }

interface Small {
  volumes: ReturnType<typeof volumeManager>
  snapshots: ReturnType<typeof snapshotManager>
  actions: ReturnType<typeof volumeActionManager>
  attachments: ReturnType<typeof attachmentManager>
  ctx: ReturnType<typeof requestContext>
  service: ReturnType<typeof requestContext>
}

/** A world for the task that `define` declares: each of `before` makes what must be there, `begin` asks for the task and gives the resource's id. */
function world(define: (deps: Deps) => Definition<Tables>, begin: (cloud: Small, madeId: string) => Promise<string>, ...before: ((cloud: Small, madeId: string) => Promise<string>)[]): OpenWorld<Tables> {
  return async () => {
    const [db, clock, ids, log] = [openSqlite<Tables>(':memory:'), new ManualClock(), seededIds('laws'), memoryLog()]
    await migrate(db, migrations, clock)
    const copies = new Map<string, 'copying' | 'done'>()
    const queue = new TaskQueue({ clock, ids })
    const image = { id: 'i1', name: 'copy', status: 'queued', owner: 'p1', visibility: 'private', disk_format: 'raw', container_format: 'bare', size: null, virtual_size: null, min_disk: 0, min_ram: 0, os_hash_algo: null, os_hash_value: null }
    const deps: Deps = {
      db, clock, ids, log, queue, look: async () => {},
      compute: {
        sendEvents: async () => {},
        async copyVolume({ id }) {
          const status = copies.get(id) ?? 'copying'
          copies.set(id, 'done')
          return { status }
        },
        async forgetCopy({ id }) { copies.delete(id) },
      },
      image: { image: async () => undefined, create: async () => image, remove: async () => {}, share: async () => {}, download: () => Promise.reject(new Error('agents do')), upload: () => Promise.reject(new Error('agents do')) },
      exportPorts: { first: 1, last: 9 },
      silentSince: () => clock.now() - 60_000, options: { defaultVolumeType: 't', storageAvailabilityZone: 'nova', osapiMaxLimit: 100, serviceDownTime: 60, stepDeadlineSeconds: 300 },
    }
    const control = volumeController(deps)
    const asked = enforcer(policySet(policy))
    const credentials = { userId: 'u1', userDomainId: 'default', projectId: 'p1', roles: ['member', 'reader'] }
    const ctx = requestContext({ requestId: 'req', globalRequestId: undefined, credentials, serviceRoles: [], token: 'x', idempotencyKey: undefined, baseUrl: '', log }, asked, rule => new Fault('forbidden', 'no', rule))
    const service = requestContext({ requestId: 'req', globalRequestId: undefined, credentials: { ...credentials, roles: ['admin', 'service', 'member', 'reader'] }, serviceRoles: [], token: 'x', idempotencyKey: undefined, baseUrl: '', log }, asked, rule => new Fault('forbidden', 'no', rule))
    const cloud: Small = { ctx, service, attachments: attachmentManager(deps), volumes: volumeManager(deps), snapshots: snapshotManager(deps), actions: volumeActionManager(deps) }
    await db.write(tx => types.insert(tx, { id: 't1', name: 't', description: null, isPublic: true, extraSpecs: {}, createdAt: 0 }))

    const turn = async () => {
      await control.heartbeat({ host: 'host1', incarnation: 'i', capacity: { totalBytes: 1, freeBytes: 1, driver: 'file', dataAddress: '198.18.0.1' } })
      const { disks, tombstones } = await control.desired({ host: 'host1', incarnation: 'i', cursor: 0 })
      for (const { id, generation, epoch, sizeGib, uploads } of disks) {
        await control.report({ diskId: id, generation, epoch, observed: {
          state: 'ready', converged: true, sizeBytes: sizeGib * GIB, connection: { kind: 'file', path: `/${id}`, format: 'qcow2' }, uploads: uploads.map(({ imageId }) => ({ imageId, state: 'done' as const })),
        } })
      }
      for (const { diskId, generation, epoch } of tombstones) await control.report({ diskId, generation, epoch, observed: { state: 'absent', converged: true, sizeBytes: 0, uploads: [] } })
    }
    await turn()
    let madeId = ''
    for (const make of before) {
      await using runner = new TaskRunner<Tables>({ db, clock, ids, queue, log, host: 'before', definitions: [volumeCreate(deps), snapshotCreate(deps)] })
      await runner.start()
      madeId = await make(cloud, madeId)
      for (let i = 0; i < 8; i++) { await runner.idle(); await turn() }
      await runner.idle()
    }
    let resourceId = ''
    const left = () => db.read(async tx => ({
      disks: (await tx.selectFrom('disks').select(['host', 'tombstone', 'wanted']).orderBy('id').execute()).map(row => ({ ...row })),
      ports: (await tx.selectFrom('copy_exports').select('port').execute()).map(row => ({ ...row })), copies: copies.size,
    }))
    return {
      db, clock, ids, queue, definition: define(deps), turn, left,
      async begin() { resourceId = await begin(cloud, madeId); return resourceId },
      seen: () => db.read(async tx => ({
        volumes: (await tx.selectFrom('volumes').select(['size', 'status', 'host', 'reason', 'previous_status']).orderBy('created_at').execute()).map(row => ({ ...row })),
        snapshots: (await tx.selectFrom('snapshots').select(['size', 'status', 'reason']).execute()).map(row => ({ ...row })),
        use: (await tx.selectFrom('quota_use').select(['resource', 'used']).orderBy('resource').execute()).map(row => ({ ...row })), left: await left(),
      })),
      reason: () => db.read(async tx => {
        const row = await tx.selectFrom('volumes').select('reason').where('id', '=', resourceId).executeTakeFirst() ?? await tx.selectFrom('snapshots').select('reason').where('id', '=', resourceId).executeTakeFirst()
        return row ? row.reason ?? undefined : null
      }),
      [Symbol.asyncDispose]: () => db.close(),
    }
  }
}

const makeVolume = async ({ volumes, ctx }: Small) => (await volumes.create(ctx, { ...BLANK, size: 1 })).volume.id
const snapshotOf = async ({ snapshots, ctx }: Small, volumeId: string) => (await snapshots.create(ctx, { volumeId, name: null, description: null, metadata: {}, mayBeInUse: true })).id

const attachTo = (host: string) => async ({ attachments, service }: Small, volumeId: string) => {
  const { id } = await attachments.create(service, { volumeId, instanceId: 's1', connector: { host, mountpoint: '/dev/vdb' }, mode: 'rw' })
  await attachments.complete(service, id)
  return volumeId
}

testTaskLaws('volume.create', world(volumeCreate, makeVolume))
testTaskLaws('volume.create from a volume', world(volumeCreate, async ({ volumes, ctx }, madeId) => (await volumes.create(ctx, { ...BLANK, size: 2, sourceVolumeId: madeId })).volume.id, makeVolume))
testTaskLaws('volume.delete', world(volumeDelete, async ({ volumes, ctx }, madeId) => { await volumes.remove(ctx, madeId, { force: false, cascade: false }); return madeId }, makeVolume))
testTaskLaws('volume.extend', world(volumeExtend, async ({ actions, ctx }, madeId) => { await actions.extend(ctx, madeId, 3, true); return madeId }, makeVolume))
testTaskLaws('volume.upload', world(volumeUpload, async ({ actions, ctx }, madeId) => {
  await actions.uploadImage(ctx, madeId, { name: 'copy', diskFormat: 'raw', containerFormat: 'bare', visibility: undefined, protected: undefined })
  return madeId
}, makeVolume))
testTaskLaws('snapshot.create', world(snapshotCreate, snapshotOf, makeVolume))
for (const host of ['host1', 'host2']) testTaskLaws(`snapshot.create of a volume that a server on ${host} has`, world(snapshotCreate, snapshotOf, makeVolume, attachTo(host)))
testTaskLaws('volume.create from a volume that a server has', world(volumeCreate, async ({ volumes, ctx }, madeId) => (await volumes.create(ctx, { ...BLANK, size: 2, sourceVolumeId: madeId })).volume.id, makeVolume, attachTo('host2')))
testTaskLaws('snapshot.delete', world(snapshotDelete, async ({ snapshots, ctx }, madeId) => { await snapshots.remove(ctx, madeId, false); return madeId }, makeVolume, snapshotOf))

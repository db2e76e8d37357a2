// Attachments: which server has which volume, and how it reaches it. A volume's status follows from its attachments.
//
// Each change holds the volume's row first, so that two servers cannot both get a volume that only one may have.
import { isDeepStrictEqual } from 'node:util'
import type { Context } from '@alto/kit/context'
import { isUniqueViolation } from '@alto/kit/db'
import type { Fault } from '@alto/kit/errors'
import type { Disk, VolumeConnection } from '../model/disks.ts'
import { invalid, invalidVolume, notFound, usedByServer } from '../model/faults.ts'
import { statusWith, type Attachment, type VolumeStatus } from '../model/volumes.ts'
import * as rules from '../policy/attachments.ts'
import * as volumeRules from '../policy/volumes.ts'
import * as attachments from '../store/attachments.ts'
import * as disks from '../store/disks.ts'
import * as exports from '../store/exports.ts'
import * as hosts from '../store/hosts.ts'
import type { Tx } from '../store/tables.ts'
import * as volumes from '../store/volumes.ts'
import { authorizedVolume, projectOf, ringAgent, type Deps } from './deps.ts'

/** Where a volume goes. */
export interface Connector {
  host?: string | undefined
  mountpoint?: string | undefined
  mode?: 'rw' | 'ro' | undefined
}

export type AttachmentManager = ReturnType<typeof attachmentManager>

/** The use cases of attachments. */
export function attachmentManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function authorized(ctx: Context, tx: Tx, rule: Parameters<Context['authorize']>[0], id: string): Promise<Attachment> {
    const found = await attachments.find(tx, id)
    ctx.authorize(rule, { project_id: found?.projectId ?? projectOf(ctx) }, { hiddenAs: notFound('Volume attachment', id) })
    if (!found) throw notFound('Volume attachment', id)
    return found
  }

  return {
    show: (ctx: Context, id: string) => db.read(tx => authorized(ctx, tx, volumeRules.GET, id)),

    async list(ctx: Context, filter: { volumeId?: string | undefined, instanceId?: string | undefined, status?: string | undefined }, allTenants: boolean): Promise<Attachment[]> {
      ctx.authorize(volumeRules.GET_ALL, { project_id: projectOf(ctx) })
      const all = allTenants && (ctx.credentials.roles.includes('admin') || ctx.credentials.roles.includes('service'))
      return db.read(tx => attachments.list(tx, { ...(filter.volumeId !== undefined && { volumeIds: [filter.volumeId] }), instanceId: filter.instanceId, status: filter.status, projectId: all ? undefined : projectOf(ctx) }))
    },

    /** Reserves a volume for a server; with a connector it is connected at once. A repeat under the same key gives the same attachment. */
    async create(ctx: Context, input: { volumeId: string, instanceId: string | null, connector: Connector | null, mode: 'rw' | 'ro' }): Promise<Attachment> {
      return db.write(async tx => {
        const volume = await authorizedVolume(ctx, tx, rules.ATTACHMENT_CREATE, input.volumeId)
        if (ctx.idempotencyKey !== undefined) await volumes.hold(tx, volume.id)           // whoever makes it under the same key has done so when this goes on
        const known = ctx.idempotencyKey === undefined ? undefined : await attachments.findByKey(tx, ctx.idempotencyKey)
        if (known) return known
        if (volume.bootable && volume.multiattach) ctx.authorize(rules.MULTIATTACH_BOOTABLE_VOLUME, { project_id: volume.projectId })
        const reserved = await reserve(tx, deps, volume.id, { instanceId: input.instanceId, mode: input.mode, key: ctx.idempotencyKey, id: ids.uuid() })
        return input.connector ? connect(tx, deps, reserved, input.connector) : reserved
      })
    },

    /** Tells where the volume goes; the attachment then says how to reach it. Repeatable. */
    async update(ctx: Context, id: string, connector: Connector): Promise<Attachment> {
      return db.write(async tx => {
        await volumes.hold(tx, (await authorized(ctx, tx, rules.ATTACHMENT_UPDATE, id)).volumeId)
        return connect(tx, deps, await authorized(ctx, tx, rules.ATTACHMENT_UPDATE, id), connector)
      })
    },

    /** The server has the volume now. */
    async complete(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        const attachment = await authorized(ctx, tx, rules.ATTACHMENT_COMPLETE, id)
        await volumes.hold(tx, attachment.volumeId)
        if (attachment.connection === null) throw invalid(`Invalid input received: attachment ${id} has no connector yet.`)
        await attachments.update(tx, { ...attachment, status: 'attached', attachedAt: attachment.attachedAt ?? clock.now() })
        await settle(tx, deps, attachment.volumeId)
      })
    },

    /** Takes a volume from a server; gives the attachments that are left. Fault conflict when anybody but a service does it to a server that has it. */
    async remove(ctx: Context, id: string): Promise<Attachment[]> {
      return db.write(async tx => {
        const { volumeId } = await authorized(ctx, tx, rules.ATTACHMENT_DELETE, id)
        await volumes.hold(tx, volumeId)
        const attachment = await authorized(ctx, tx, rules.ATTACHMENT_DELETE, id)
        refuseTakingFromServers(ctx, attachment)
        await attachments.remove(tx, id)
        await settle(tx, deps, attachment.volumeId)
        return attachments.list(tx, { volumeIds: [attachment.volumeId] })
      })
    },
  }
}

/** Ties a server to a volume that is free (or may have many), within the caller's transaction. Fault badRequest says why not. */
export async function reserve(tx: Tx, deps: Pick<Deps, 'clock'>, volumeId: string, input: { id: string, instanceId: string | null, mode: 'rw' | 'ro', key: string | undefined }): Promise<Attachment> {
  const volume = await volumes.hold(tx, volumeId)
  const allowed: VolumeStatus[] = volume.multiattach ? ['available', 'reserved', 'attaching', 'in-use', 'detaching'] : ['available']
  if (!allowed.includes(volume.status)) throw invalidVolume(`Volume ${volume.id} status must be ${allowed.slice(0, 1).join(' or ')} to reserve, but the current status is ${volume.status}.`)
  if (await volumes.isBeingCopied(tx, volume.id)) throw invalidVolume(`Volume ${volume.id} is being copied at the moment; it can be attached when that has ended.`)
  if (volume.status !== 'available' && !await isRemembered(tx, volume.host)) throw invalidVolume(`Volume ${volume.id} is a qcow2 file, which only one server can have at a time; its status is ${volume.status}.`)
  if (volume.readOnly && input.mode === 'rw') throw invalid(`Invalid attaching mode 'rw' for read-only volume ${volume.id}.`)
  const attachment: Attachment = {
    id: input.id, volumeId: volume.id, projectId: volume.projectId, instanceId: input.instanceId, status: 'reserved', mode: input.mode, mountpoint: null, host: null, connection: null,
    createdAt: deps.clock.now(), attachedAt: null,
  }
  try {
    await attachments.insert(tx, attachment, input.key)
  } catch (cause) {
    if (isUniqueViolation(cause)) throw invalidVolume(`Volume ${volume.id} is attached to server ${input.instanceId} already.`)
    throw cause
  }
  await volumes.move(tx, volume, [volume.status], { status: statusWith(await attachments.list(tx, { volumeIds: [volume.id] }), 'reserved'), updatedAt: deps.clock.now() })
  return attachment
}

/** Lets a host reach the volume; within the caller's transaction. Repeatable. */
export async function connect(tx: Tx, deps: Deps, attachment: Attachment, connector: Connector): Promise<Attachment> {
  const connected: Attachment = {
    ...attachment, status: attachment.status === 'reserved' ? 'attaching' : attachment.status, host: connector.host ?? attachment.host, mountpoint: connector.mountpoint ?? attachment.mountpoint,
    mode: connector.mode ?? attachment.mode, connection: await attachedConnection(tx, deps, attachment, connector.host ?? attachment.host),
  }
  await attachments.update(tx, connected)
  await settle(tx, deps, attachment.volumeId)
  return connected
}

/** How the connector's host reaches the volume without an attachment: on the disk's own host only. Fault badRequest when it does not. */
export async function connectionFor(tx: Tx, volumeId: string, connector: Connector): Promise<VolumeConnection> {
  const { disk, connection } = await reachable(tx, volumeId)
  if (!await isLocal(tx, disk, connector.host)) throw unreachable(disk, connector.host)
  return connection
}

/** How `host` reaches the volume of an attachment: the file on the disk's own host, else an export with a port of its own. Fault badRequest when it does not, unavailable when no port is free. */
async function attachedConnection(tx: Tx, deps: Deps, { id, volumeId }: Attachment, host: string | null): Promise<VolumeConnection> {
  const { disk, connection } = await reachable(tx, volumeId)
  if (await isLocal(tx, disk, host ?? undefined)) {
    await exports.release(tx, id)
    return connection
  }
  const address = await dataAddressOf(tx, disk, host)
  return exportOf(id, { address, port: await exports.take(tx, disk.host, id, deps.exportPorts), format: connection.format })
}

/** How the host of a server reaches a disk that a copy of the server's volume is to be written to: the file on the disk's own host, else an export under the disk's id; undefined before there is a disk. Fault badRequest when neither is to be had, unavailable when no port is free. */
export async function copyConnection(tx: Tx, deps: Pick<Deps, 'exportPorts'>, disk: Disk, host: string | null): Promise<VolumeConnection | undefined> {
  const connection = disk.observed?.connection
  if (connection === undefined || await isLocal(tx, disk, host ?? undefined)) return connection
  const address = await dataAddressOf(tx, disk, host)
  return exportOf(disk.id, { address, port: await exports.takeForCopy(tx, disk.host, disk.id, deps.exportPorts), format: connection.format })
}

/** Where the disk's host serves its exports to another. */
async function dataAddressOf(tx: Tx, disk: Disk, host: string | null): Promise<string> {
  const address = (await hosts.list(tx)).find(({ name }) => name === disk.host)?.capacity.dataAddress
  if (address === undefined) throw unreachable(disk, host ?? undefined)
  return address
}

function exportOf(id: string, at: { address: string, port: number, format: VolumeConnection['format'] }): VolumeConnection {
  return { kind: 'nbd-tls', ...at, exportName: id, identity: id }
}

async function reachable(tx: Tx, volumeId: string): Promise<{ disk: Disk, connection: VolumeConnection }> {
  const disk = await disks.find(tx, volumeId)
  if (disk?.observed?.connection === undefined) throw invalidVolume(`Volume ${volumeId} has no disk that could be reached.`)
  return { disk, connection: disk.observed.connection }
}

async function isLocal(tx: Tx, disk: Disk, host: string | undefined): Promise<boolean> {
  return host === undefined || host === disk.host || await isRemembered(tx, disk.host)
}

function unreachable(disk: Disk, host: string | undefined): Fault {
  return invalid(`Invalid input received: volume ${disk.id} is a file on host ${disk.host} and cannot be reached from host ${host}.`)
}

/** Makes status and disk follow from the attachments that the volume has now; within the caller's transaction. */
export async function settle(tx: Tx, deps: Deps, volumeId: string): Promise<void> {
  const volume = await volumes.hold(tx, volumeId)
  const has = await attachments.list(tx, { volumeIds: [volumeId] })
  const follows: VolumeStatus[] = ['available', 'reserved', 'attaching', 'in-use', 'detaching', 'error']
  const status = statusWith(has, volume.status === 'error' ? 'error' : 'available')
  if (follows.includes(volume.status)) await volumes.move(tx, volume, follows, { status, updatedAt: deps.clock.now() })
  const attached = has.some(a => a.connection !== null)
  const served = await exports.ofVolume(tx, volumeId)
  const wanted = (await disks.find(tx, volumeId))?.wanted
  if (wanted?.attached === attached && isDeepStrictEqual(wanted.exports ?? [], served)) return
  await disks.change(tx, volumeId, undefined, { attached, exports: served })
  await ringAgent(deps, tx, volumeId)
}

/** Only Nova (a service) takes a volume from a server that reaches it; otherwise the server would go on writing to what somebody else has. */
export function refuseTakingFromServers(ctx: Context, attachment: Attachment): void {
  if (attachment.instanceId !== null && attachment.connection !== null && !isService(ctx)) throw usedByServer(attachment.instanceId)
}

/** What a server has, its host copies; nobody does it for a host that has a volume without one. */
export function refuseHostsVolume(has: readonly Attachment[], volumeId: string): void {
  if (has.some(({ connection, instanceId }) => connection !== null && instanceId === null)) throw invalidVolume(`Volume ${volumeId} is attached to a host and to no server: nobody can tell what it holds at one moment.`)
}

/** There is no attachment to take away. */
export function notAttached(volumeId: string): Fault {
  return invalidVolume(`Unable to detach volume. Volume ${volumeId} status must be 'in-use' and attach_status must be 'attached' to detach.`)
}

/** True for a host whose disks are only remembered: anybody can reach them, and as many as like. */
async function isRemembered(tx: Tx, host: string | null): Promise<boolean> {
  return (await hosts.list(tx)).find(h => h.name === host)?.capacity.driver === 'fake'
}

/** True when a service asks, for itself or for a user. */
export function isService(ctx: Context): boolean {
  return ctx.serviceRoles.includes('service') || ctx.credentials.roles.includes('service')
}

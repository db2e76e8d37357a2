// Cinder, as a service that attaches volumes uses it.
import { isFault } from '../../errors/index.ts'
import type { Caller, RestClient } from '../rest.ts'

export interface Volume {
  readonly id: string
  readonly description?: string | null
  readonly status: string
  /** GiB. */
  readonly size: number
  readonly multiattach: boolean
  readonly bootable: string
  readonly availability_zone?: string
  readonly volume_image_metadata?: Readonly<Record<string, string>>
  readonly metadata?: Readonly<Record<string, string>>
}

export interface VolumeSnapshot {
  readonly id: string
  readonly volume_id: string
  readonly status: string
  /** GiB. */
  readonly size: number
}

export interface VolumeAttachment {
  readonly id: string
  readonly instance: string
  readonly volume_id: string
  readonly status: string
  /** How to reach the volume, once the attachment has a connector. */
  readonly connection_info: Readonly<Record<string, unknown>>
}

/** Where a volume goes. */
export interface Connector { readonly host: string, readonly mountpoint?: string, readonly mode?: 'rw' | 'ro' }

export interface VolumeClient {
  /** The volume, or undefined. */
  volume(as: Caller, id: string): Promise<Volume | undefined>
  /** A volume being made; once for each key. */
  create(as: Caller, volume: Readonly<Record<string, unknown>>, key: string): Promise<Volume>
  /** Repeatable: a volume that is gone is gone. */
  remove(as: Caller, id: string): Promise<void>
  /** The snapshot, or undefined. */
  snapshot(as: Caller, id: string): Promise<VolumeSnapshot | undefined>
  /** A snapshot being made; once for each key. */
  createSnapshot(as: Caller, snapshot: Readonly<Record<string, unknown>>, key: string): Promise<VolumeSnapshot>
  /** Repeatable: a snapshot that is gone is gone. */
  removeSnapshot(as: Caller, id: string): Promise<void>
  /** Reserves the volume for a server; the attachment that the server has of it already when there is one. */
  attach(as: Caller, volumeId: string, serverId: string, key: string): Promise<VolumeAttachment>
  /** Tells where the volume goes, and learns how to reach it. */
  connect(as: Caller, attachmentId: string, connector: Connector): Promise<VolumeAttachment>
  /** The volume is in use now. */
  complete(as: Caller, attachmentId: string): Promise<void>
  /** Lets go of the volume. Repeatable. */
  detach(as: Caller, attachmentId: string): Promise<void>
  /** The attachments that a server has. */
  attachmentsOf(as: Caller, serverId: string): Promise<VolumeAttachment[]>
  /** Marks the volume as being detached, so that nobody else does it; `rollDetaching` takes that back. */
  beginDetaching(as: Caller, volumeId: string): Promise<void>
  rollDetaching(as: Caller, volumeId: string): Promise<void>
}

const HEADERS = { 'openstack-api-version': 'volume 3.44' }

/** A client of Cinder. */
export function volumeClient(rest: RestClient): VolumeClient {
  const call = async (as: Caller, method: string, path: string, opts: { body?: unknown, key?: string } = {}) => (await rest.call({ as, method, path, headers: HEADERS, ...opts })).body
  const missing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work
    } catch (error) {
      if (isFault(error) && (error.kind === 'notFound' || error.kind === 'gone')) return undefined
      throw error
    }
  }
  const attachmentsOf = async (as: Caller, serverId: string) =>
    (await call(as, 'GET', `/v3/attachments/detail?all_tenants=1&instance_id=${serverId}`) as { attachments: VolumeAttachment[] }).attachments.filter(one => one.instance === serverId)

  return {
    attachmentsOf,
    volume: async (as, id) => (await missing(call(as, 'GET', `/v3/volumes/${encodeURIComponent(id)}`)) as { volume: Volume } | undefined)?.volume,
    create: async (as, volume, key) => (await call(as, 'POST', '/v3/volumes', { body: { volume }, key }) as { volume: Volume }).volume,
    async remove(as, id) { await missing(call(as, 'DELETE', `/v3/volumes/${id}`)) },
    snapshot: async (as, id) => (await missing(call(as, 'GET', `/v3/snapshots/${encodeURIComponent(id)}`)) as { snapshot: VolumeSnapshot } | undefined)?.snapshot,
    createSnapshot: async (as, snapshot, key) => (await call(as, 'POST', '/v3/snapshots', { body: { snapshot }, key }) as { snapshot: VolumeSnapshot }).snapshot,
    async removeSnapshot(as, id) { await missing(call(as, 'DELETE', `/v3/snapshots/${id}`)) },
    async attach(as, volumeId, serverId, key) {
      const had = (await attachmentsOf(as, serverId)).find(one => one.volume_id === volumeId)
      if (had) return had
      return (await call(as, 'POST', '/v3/attachments', { body: { attachment: { volume_uuid: volumeId, instance_uuid: serverId, connector: null } }, key }) as { attachment: VolumeAttachment }).attachment
    },
    connect: async (as, attachmentId, connector) => (await call(as, 'PUT', `/v3/attachments/${attachmentId}`, { body: { attachment: { connector } } }) as { attachment: VolumeAttachment }).attachment,
    async complete(as, attachmentId) { await call(as, 'POST', `/v3/attachments/${attachmentId}/action`, { body: { 'os-complete': null } }) },
    async detach(as, attachmentId) { await missing(call(as, 'DELETE', `/v3/attachments/${attachmentId}`)) },
    async beginDetaching(as, volumeId) { await call(as, 'POST', `/v3/volumes/${volumeId}/action`, { body: { 'os-begin_detaching': null } }) },
    async rollDetaching(as, volumeId) { await missing(call(as, 'POST', `/v3/volumes/${volumeId}/action`, { body: { 'os-roll_detaching': null } })) },
  }
}

// Nova, as the services use it that tell it of events, and the one whose volumes its servers have.
import { isFault } from '../../errors/index.ts'
import type { RestClient } from '../rest.ts'

/** Something that happened to a server's port or volume. */
export interface ServerEvent {
  readonly name: 'network-changed' | 'network-vif-plugged' | 'network-vif-unplugged' | 'network-vif-deleted' | 'volume-extended'
  readonly server_uuid: string
  /** The port's or volume's id. */
  readonly tag: string
  readonly status?: 'completed' | 'failed'
}

/** How a host reaches a disk; contracts/compute-agent.ts. */
export type DiskConnection =
  | { readonly kind: 'file', readonly path: string, readonly format: 'qcow2' | 'raw' }
  | { readonly kind: 'nbd-tls', readonly address: string, readonly port: number, readonly exportName: string, readonly identity: string, readonly format: 'qcow2' | 'raw' }

/** How far a copy of a server's volume is; `reason` says why it failed, or what it waits for. */
export interface VolumeCopyProgress { readonly status: 'copying' | 'done' | 'failed', readonly reason?: string }

export interface ComputeClient {
  /** Rings Nova's bell. Repeatable. Throws what the call throws; Fault notFound when Nova knows none of the servers. */
  sendEvents(events: readonly ServerEvent[]): Promise<void>
  /** Has the host of the server that has the volume copy it, of one moment, into the disk at `to`; how far that is. Repeatable: once for each id. Fault badRequest when no server has the volume. */
  copyVolume(copy: { id: string, volumeId: string, to: DiskConnection }): Promise<VolumeCopyProgress>
  /** Forgets a copy; one under way is given up. Repeatable. */
  forgetCopy(copy: { id: string, volumeId: string }): Promise<void>
}

/** A client of Nova. */
export function computeClient(rest: RestClient): ComputeClient {
  return {
    async sendEvents(events) {
      await rest.call({ as: 'service', method: 'POST', path: '/v2.1/os-server-external-events', headers: { 'openstack-api-version': 'compute 2.51' }, body: { events } })
    },
    async copyVolume({ id, volumeId, to }) {
      const create_info = { snapshot_id: id, type: 'qcow2', new_file: id, connection: to }
      const { body } = await rest.call({ as: 'service', method: 'POST', path: '/v2.1/os-assisted-volume-snapshots', body: { snapshot: { volume_id: volumeId, create_info } } })
      const { status, reason } = (body as { snapshot: VolumeCopyProgress }).snapshot
      return { status, ...(reason !== undefined && { reason }) }
    },
    async forgetCopy({ id, volumeId }) {
      try {
        await rest.call({ as: 'service', method: 'DELETE', path: `/v2.1/os-assisted-volume-snapshots/${id}?delete_info=${encodeURIComponent(JSON.stringify({ volume_id: volumeId }))}` })
      } catch (error) {
        if (!isFault(error) || error.kind !== 'notFound') throw error
      }
    },
  }
}

// Nova, as the services that tell it of events use it.
import type { RestClient } from '../rest.ts'

/** Something that happened to a server's port or volume. */
export interface ServerEvent {
  readonly name: 'network-changed' | 'network-vif-plugged' | 'network-vif-unplugged' | 'network-vif-deleted' | 'volume-extended'
  readonly server_uuid: string
  /** The port's or volume's id. */
  readonly tag: string
  readonly status?: 'completed' | 'failed'
}

export interface ComputeClient {
  /** Rings Nova's bell. Repeatable. Throws what the call throws; Fault notFound when Nova knows none of the servers. */
  sendEvents(events: readonly ServerEvent[]): Promise<void>
}

/** A client of Nova. */
export function computeClient(rest: RestClient): ComputeClient {
  return {
    async sendEvents(events) {
      await rest.call({ as: 'service', method: 'POST', path: '/v2.1/os-server-external-events', headers: { 'openstack-api-version': 'compute 2.51' }, body: { events } })
    },
  }
}

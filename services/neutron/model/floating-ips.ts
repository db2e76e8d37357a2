// Floating IPs: an address of an external network that stands for a port's.
import { attribute, ipAddress, orNull, tags, text, uuid, type Input } from './attributes.ts'
import type { Standard } from './standard.ts'

/** A floating IP; unassociated while `fixedPortId` is null. */
export interface FloatingIp extends Standard {
  readonly floatingNetworkId: string
  readonly floatingIpAddress: string
  /** The port that holds the address on the external network. */
  readonly floatingPortId: string
  readonly fixedPortId: string | null
  readonly fixedIpAddress: string | null
  readonly routerId: string | null
  /** ACTIVE when the router's host translates. */
  readonly status: 'ACTIVE' | 'DOWN' | 'ERROR'
}

/** A floating IP's attributes on the wire. */
export const FLOATING_IP_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  floating_network_id: attribute(uuid, { required: true, fixed: true }), floating_ip_address: attribute(orNull(ipAddress), { fixed: true }),
  subnet_id: attribute(orNull(uuid), { fixed: true }), port_id: attribute(orNull(uuid)), fixed_ip_address: attribute(orNull(ipAddress)),
  description: attribute(text()), tags: attribute(tags, { fixed: true }),
}

/** What a request says of a floating IP. */
export type FloatingIpInput = Input<typeof FLOATING_IP_ATTRIBUTES>

// Networks: what they are, and what clients may say of them.
import { attribute, flag, integer, oneOf, orNull, tags, text, type Input } from './attributes.ts'
import type { Standard } from './standard.ts'

/** A network. */
export interface Network extends Standard {
  readonly name: string
  readonly adminUp: boolean
  readonly shared: boolean
  /** Routers' gateways may lie on it. */
  readonly external: boolean
  readonly isDefault: boolean
  /** Bytes. */
  readonly mtu: number
  /** What its ports get when they do not say. */
  readonly portSecurity: boolean
  readonly networkType: NetworkType
  readonly physicalNetwork: string | null
  /** The VXLAN network identifier. */
  readonly segmentationId: number | null
}

export type NetworkType = 'local' | 'flat' | 'vxlan'

/** A network's attributes on the wire. */
export const NETWORK_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  name: attribute(text(), { default: '' }), description: attribute(text()),
  admin_state_up: attribute(flag, { default: true }), shared: attribute(flag), 'router:external': attribute(flag), is_default: attribute(flag),
  mtu: attribute(integer(0, 65_535)), port_security_enabled: attribute(flag), tags: attribute(tags, { fixed: true }),
  'provider:network_type': attribute(oneOf('local', 'flat', 'vxlan'), { fixed: true }),
  'provider:physical_network': attribute(orNull(text()), { fixed: true }),
  'provider:segmentation_id': attribute(orNull(integer(1, 16_777_215)), { fixed: true }),
}

/** What a request says of a network. */
export type NetworkInput = Input<typeof NETWORK_ATTRIBUTES>

/** Bytes that VXLAN over IPv4 takes from each packet. */
export const VXLAN_OVERHEAD = 50

// A server's interfaces: the ports that it has, as Nova last knew them, and the networks that a request asks for.

export interface Interface {
  readonly serverId: string
  readonly portId: string
  readonly networkId: string
  readonly networkName: string
  readonly mac: string
  readonly fixedIps: readonly FixedIp[]
  readonly floatingIps: readonly { readonly address: string, readonly fixedAddress: string }[]
  readonly active: boolean
  /** Nova made the port, and removes it with the server. */
  readonly madeHere: boolean
  readonly tag: string | null
  readonly mtu: number | null
  readonly createdAt: number
}

/** An address, with what the guest must know of its subnet. */
export interface FixedIp {
  readonly subnetId: string
  readonly address: string
  readonly subnet?: {
    readonly cidr: string
    readonly gateway: string | null
    readonly dns: readonly string[]
    readonly routes: readonly { readonly destination: string, readonly nexthop: string }[]
    readonly dhcp: boolean
  }
}

/** One interface that a request wants. */
export interface WantedInterface {
  readonly networkId?: string
  readonly portId?: string
  readonly fixedIp?: string
  readonly tag?: string
}

/** 4 or 6. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** The name of a port's tap device: upstream's, 14 characters. */
export function tapOf(portId: string): string {
  return `tap${portId}`.slice(0, 14)
}

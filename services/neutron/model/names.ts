// Names on a host, made from ids as upstream makes them, so that what the books teach is found; and MAC addresses.
import type { Ids } from '@alto/kit/ids'

const LINK_ID = 11                       // a link's name has 15 characters at most: three or four of kind, eleven of id

/** `tapXXXXXXXX-XX`: the host's end of a port, plugged into the network's bridge. */
export function tapOf(portId: string): string {
  return `tap${portId.slice(0, LINK_ID)}`
}

/** `brqXXXXXXXX-XX`: the bridge of a network. */
export function bridgeOf(networkId: string): string {
  return `brq${networkId.slice(0, LINK_ID)}`
}

/** `ns-XXXXXXXX-XX`: the DHCP port's end inside `qdhcp-ID`. */
export function dhcpLinkOf(portId: string): string {
  return `ns-${portId.slice(0, LINK_ID)}`
}

/** `qr-XXXXXXXX-XX`: a router's end of an inner port. */
export function routerLinkOf(portId: string): string {
  return `qr-${portId.slice(0, LINK_ID)}`
}

/** `qg-XXXXXXXX-XX`: a router's end of its gateway port. */
export function gatewayLinkOf(portId: string): string {
  return `qg-${portId.slice(0, LINK_ID)}`
}

/** `upXXXXXXXX-XX`: the end, in the cloud's namespace, of the veth that leads an external network out to the machine. */
export function uplinkOf(networkId: string): string {
  return `up${networkId.slice(0, LINK_ID)}`
}

/** `vxXXXXXXXX-XX`: the end of a network's tunnels, plugged into its bridge. */
export function tunnelLinkOf(networkId: string): string {
  return `vx${networkId.slice(0, LINK_ID)}`
}

/** `xCCCCCCCC-NNNNN`: the machine's end of it; carries the cloud's id (8 digits), as all clouds meet there. */
export function machineLinkOf(cloud: string, networkId: string): string {
  return `x${cloud}-${networkId.slice(0, 5)}`
}

/** The namespace that serves a network's DHCP and metadata. */
export function dhcpNamespaceOf(networkId: string): string {
  return `qdhcp-${networkId}`
}

/** A router's namespace. */
export function routerNamespaceOf(routerId: string): string {
  return `qrouter-${routerId}`
}

/** What links, loopbacks of namespaces and tables of this host of this cloud are marked with (alias, table name). */
export function markOf(where: { cloud: string, host: string }): string {
  return `alto-${where.cloud}-${where.host}`
}

/** A MAC address that begins with `base` (`fa:16:3e:00:00:00`: the zero bytes at its end are drawn). */
export function newMac(ids: Ids, base = 'fa:16:3e:00:00:00'): string {
  const bytes = base.split(':')
  const fixed = bytes.length >= 4 && bytes[3] !== '00' ? 4 : 3
  const drawn = [...ids.bytes(6 - fixed)].map(byte => byte.toString(16).padStart(2, '0'))
  return [...bytes.slice(0, fixed), ...drawn].join(':')
}

// Ports: an interface's place on a network, its addresses, what it may send, and where it is bound.
import { tryAddress, tryPrefix, formatPrefix, formatAddress } from './addresses.ts'
import { attribute, flag, integer, invalid, ipAddress, listOf, macAddress, oneOf, orNull, record, tags, text, uuid, type Input } from './attributes.ts'
import type { Standard } from './standard.ts'

export interface FixedIp {
  readonly subnetId: string
  readonly address: string
}

export type PortStatus = 'ACTIVE' | 'DOWN' | 'BUILD' | 'ERROR'
export type VifType = 'unbound' | 'bridge' | 'binding_failed'

/** A port. */
export interface Port extends Standard {
  readonly networkId: string
  readonly name: string
  readonly adminUp: boolean
  readonly status: PortStatus
  readonly mac: string
  readonly deviceId: string
  readonly deviceOwner: string
  readonly portSecurity: boolean
  readonly fixedIps: readonly FixedIp[]
  readonly securityGroups: readonly string[]
  readonly allowedAddressPairs: readonly AddressPair[]
  readonly extraDhcpOptions: readonly DhcpOption[]
  readonly dnsName: string
  /** '' while it is bound nowhere. */
  readonly bindingHost: string
  readonly bindingProfile: Readonly<Record<string, unknown>>
  readonly vnicType: string
  readonly vifType: VifType
}

export interface AddressPair {
  readonly ip_address: string
  readonly mac_address: string
}

export interface DhcpOption {
  readonly opt_name: string
  readonly opt_value: string
  readonly ip_version: 4 | 6
}

/** Owners of ports that the cloud makes for itself. */
export const DHCP = 'network:dhcp'
export const ROUTER_INTERFACE = 'network:router_interface'
export const ROUTER_GATEWAY = 'network:router_gateway'
export const FLOATING_IP = 'network:floatingip'

function fixedIp(value: unknown, name: string): { subnet_id?: string, ip_address?: string } {
  const wanted = record({ subnet_id: uuid, ip_address: ipAddress })(value, name)
  if (wanted.subnet_id === undefined && wanted.ip_address === undefined) throw invalid(name, 'an entry has a subnet_id, an ip_address or both')
  return wanted
}

function addressPair(value: unknown, name: string): { ip_address: string, mac_address?: string } {
  const pair = record({ ip_address: addressOrPrefix, mac_address: macAddress })(value, name)
  if (pair.ip_address === undefined) throw invalid(name, 'AllowedAddressPair must contain ip_address')
  return { ip_address: pair.ip_address, ...(pair.mac_address !== undefined && { mac_address: pair.mac_address }) }
}

function addressOrPrefix(value: unknown, name: string): string {
  const address = typeof value === 'string' ? tryAddress(value) : undefined
  const prefix = typeof value === 'string' ? tryPrefix(value) : undefined
  if (address) return formatAddress(address)
  if (!prefix) throw invalid(name, 'it is neither an IP address nor a prefix')
  return formatPrefix(prefix)
}

/** An option's name is a word or a number; its value is one line without control characters: both end up in a DHCP server's files. */
function dhcpOption(value: unknown, name: string): { opt_name: string, opt_value: string | null, ip_version: 4 | 6 } {
  const option = record({ opt_name: text(64), opt_value: orNull(text(255)), ip_version: integer(4, 6) })(value, name)
  if (option.opt_name === undefined || option.opt_value === undefined) throw invalid(name, 'an option has an opt_name and an opt_value')
  if (!/^[a-z0-9][a-z0-9-]*$/.test(option.opt_name)) throw invalid(name, `'${option.opt_name}' is not the name or number of a DHCP option`)
  if (option.opt_value !== null && !/^[\x20-\x7e]+$/.test(option.opt_value)) throw invalid(name, 'an opt_value has printable ASCII characters only, and at least one')
  if (option.ip_version === 5) throw invalid(name, '\'5\' is not in [4, 6]')
  return { opt_name: option.opt_name, opt_value: option.opt_value, ip_version: (option.ip_version ?? 4) as 4 | 6 }
}

function profile(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value) || JSON.stringify(value).length > 4095) throw invalid(name, 'it is not a dictionary of at most 4095 characters')
  return value as Readonly<Record<string, unknown>>
}

function dnsLabel(value: unknown, name: string): string {
  const label = text(63)(value, name)
  if (label !== '' && !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) throw invalid(name, `'${label}' not a valid PQDN or FQDN. Reason: it is no host name`)
  return label.toLowerCase()
}

/** A port's attributes on the wire. */
export const PORT_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  network_id: attribute(uuid, { required: true, fixed: true }), name: attribute(text(), { default: '' }), description: attribute(text()),
  admin_state_up: attribute(flag, { default: true }), mac_address: attribute(orNull(macAddress)), fixed_ips: attribute(orNull(listOf(fixedIp, 100))),
  device_id: attribute(text()), device_owner: attribute(text()), port_security_enabled: attribute(flag),
  security_groups: attribute(orNull(listOf(uuid, 100))), allowed_address_pairs: attribute(orNull(listOf(addressPair, 10))), extra_dhcp_opts: attribute(orNull(listOf(dhcpOption, 50))),
  dns_name: attribute(dnsLabel), 'binding:host_id': attribute(orNull(text())), 'binding:profile': attribute(profile),
  'binding:vnic_type': attribute(oneOf('normal')), tags: attribute(tags, { fixed: true }),
}

/** What a request says of a port. */
export type PortInput = Input<typeof PORT_ATTRIBUTES>

/** True for ports of the cloud's own, which have no security groups. */
export function isNetworkOwned(deviceOwner: string): boolean {
  return deviceOwner.startsWith('network:')
}

/** The options after a change: a null value removes one. */
export function mergeDhcpOptions(was: readonly DhcpOption[], changes: readonly { opt_name: string, opt_value: string | null, ip_version: 4 | 6 }[]): DhcpOption[] {
  const merged = new Map(was.map(option => [`${option.ip_version} ${option.opt_name}`, option]))
  for (const { opt_name, opt_value, ip_version } of changes) {
    if (opt_value === null) merged.delete(`${ip_version} ${opt_name}`)
    else merged.set(`${ip_version} ${opt_name}`, { opt_name, opt_value, ip_version })
  }
  return [...merged.values()]
}

// Security groups and their rules: what they are, and which rules make no sense.
import { formatPrefix, parsePrefix, type IpVersion } from './addresses.ts'
import { attribute, flag, invalid, oneOf, orNull, tags, text, uuid, type Convert, type Input } from './attributes.ts'
import { neutronFault } from './faults.ts'
import { PROTOCOLS, protocolNumber } from './packet-rules.ts'
import type { Standard } from './standard.ts'

/** A security group. */
export interface SecurityGroup extends Standard {
  readonly name: string
  readonly stateful: boolean
  readonly isDefault: boolean
}

export type Ethertype = 'IPv4' | 'IPv6'

/** What of a rule decides which packets pass. */
export interface Match {
  readonly direction: 'ingress' | 'egress'
  readonly ethertype: Ethertype
  readonly protocol: string | null
  readonly portRangeMin: number | null
  readonly portRangeMax: number | null
  readonly remoteIpPrefix: string | null
  readonly remoteGroupId: string | null
}

/** A rule of a security group. */
export interface SecurityGroupRule extends Standard, Match {
  readonly securityGroupId: string
}



/** A security group's attributes on the wire. */
export const SECURITY_GROUP_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  name: attribute(text(), { default: '' }), description: attribute(text()), stateful: attribute(flag), tags: attribute(tags, { fixed: true }),
}

/** What a request says of a security group. */
export type SecurityGroupInput = Input<typeof SECURITY_GROUP_ATTRIBUTES>

const portNumber: Convert<number | null> = value => {
  if (value === null) return null
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > 65_535) throw refused('SecurityGroupInvalidPortValue', `Invalid value for port ${String(value).slice(0, 60)}`)
  return number
}

const protocol: Convert<string | null> = value => {
  if (value === null || value === 'any') return null
  const words = typeof value === 'number' ? String(value) : value
  const known = typeof words === 'string' && (Object.hasOwn(PROTOCOLS, words.toLowerCase()) || (/^\d{1,3}$/.test(words) && Number(words) <= 255))
  if (!known) {
    throw neutronFault('badRequest', 'SecurityGroupRuleInvalidProtocol',
      `Security group rule protocol ${String(value).slice(0, 60)} not supported. Only protocol values [${Object.keys(PROTOCOLS).join(', ')}] and integer representations [0 to 255] are supported.`)
  }
  return (words as string).toLowerCase()
}

const ethertype: Convert<Ethertype> = value => {
  const known = typeof value === 'string' ? ({ ipv4: 'IPv4', ipv6: 'IPv6' } as const)[value.toLowerCase() as 'ipv4' | 'ipv6'] : undefined
  if (!known) throw neutronFault('badRequest', 'SecurityGroupRuleInvalidEtherType', `Security group rule for ethertype '${String(value).slice(0, 60)}' not supported. Allowed values are ['IPv4', 'IPv6'].`)
  return known
}

const remotePrefix: Convert<string> = (value, name) => {
  try {
    return formatPrefix(parsePrefix(text(64)(value, name)))
  } catch {
    throw invalid(name, `'${String(value).slice(0, 60)}' is not a valid IP subnet`)
  }
}

/** A rule's attributes on the wire. */
export const SECURITY_GROUP_RULE_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  security_group_id: attribute(uuid, { required: true, fixed: true }), direction: attribute(oneOf('ingress', 'egress'), { required: true, fixed: true }),
  ethertype: attribute(ethertype, { default: 'IPv4' as Ethertype, fixed: true }), protocol: attribute(protocol, { fixed: true }),
  port_range_min: attribute(portNumber, { fixed: true }), port_range_max: attribute(portNumber, { fixed: true }),
  remote_ip_prefix: attribute(orNull(remotePrefix), { fixed: true }), remote_group_id: attribute(orNull(text(255)), { fixed: true }),
  remote_address_group_id: attribute(orNull(uuid), { fixed: true }), description: attribute(text(), { fixed: true }),
}

/** What a request says of a rule. */
export type SecurityGroupRuleInput = Input<typeof SECURITY_GROUP_RULE_ATTRIBUTES>

/** `4` or `6`. */
export function versionOf(type: Ethertype): IpVersion {
  return type === 'IPv4' ? 4 : 6
}

/** What the rule matches. Throws upstream's refusals, `neutron.SecurityGroup…`. */
export function matchOf(input: SecurityGroupRuleInput): Match {
  const match: Match = {
    direction: input.direction!, ethertype: input.ethertype ?? 'IPv4', protocol: input.protocol ?? null, portRangeMin: input.port_range_min ?? null,
    portRangeMax: input.port_range_max ?? null, remoteIpPrefix: input.remote_ip_prefix ?? null, remoteGroupId: input.remote_group_id ?? null,
  }
  if (typeof input.remote_address_group_id === 'string') throw neutronFault('notFound', 'AddressGroupNotFound', `Address group ${input.remote_address_group_id} could not be found.`)
  if (match.remoteGroupId !== null && match.remoteIpPrefix !== null) throw refused('SecurityGroupRemoteGroupAndRemoteIpPrefix', 'Only remote_ip_prefix, remote_group_id or remote_address_group_id may be provided.')
  if (match.remoteIpPrefix !== null && parsePrefix(match.remoteIpPrefix).version !== versionOf(match.ethertype)) {
    throw refused('SecurityGroupRuleParameterConflict', `Conflicting value ethertype ${match.ethertype} for CIDR ${match.remoteIpPrefix}`)
  }
  checkPorts(match)
  return match
}

/** The same for rules that let the same packets pass, whatever their words. */
export function ruleKey(match: Match): string {
  const version = versionOf(match.ethertype)
  const everyone = match.remoteIpPrefix !== null && parsePrefix(match.remoteIpPrefix).length === 0
  return [match.direction, version, protocolNumber(match.protocol, version) ?? 'any', match.portRangeMin ?? '', match.portRangeMax ?? '', everyone ? '' : match.remoteIpPrefix ?? '', match.remoteGroupId ?? ''].join('|')
}

/** What a new group lets pass: everything out. */
export function egressMatches(): Match[] {
  return (['IPv4', 'IPv6'] as const).map(type => ({ direction: 'egress', ethertype: type, protocol: null, portRangeMin: null, portRangeMax: null, remoteIpPrefix: null, remoteGroupId: null }))
}

/** What a project's default group lets pass: everything out, and its members in. */
export function defaultMatches(groupId: string): Match[] {
  return [...egressMatches(), ...egressMatches().map(match => ({ ...match, direction: 'ingress' as const, remoteGroupId: groupId }))]
}

function checkPorts({ ethertype: type, protocol: name, portRangeMin: min, portRangeMax: max }: Match): void {
  const number = protocolNumber(name, versionOf(type))
  if (type === 'IPv4' && name !== null && /^ipv6-|^icmpv6$/.test(name)) throw refused('SecurityGroupEthertypeConflictWithProtocol', `Invalid ethertype ${type} for protocol ${name}.`)
  if (min === null && max === null) return
  if (number === undefined) throw refused('SecurityGroupProtocolRequiredWithPorts', 'Must also specify protocol if port range is given.')
  if (number === 1 || number === 58) {
    for (const [attr, field, value] of [['port_range_min', 'type', min], ['port_range_max', 'code', max]] as const) {
      if (value !== null && (value < 0 || value > 255)) throw refused('SecurityGroupInvalidIcmpValue', `Invalid value for ICMP ${field} (${attr}) ${value}. It must be 0 to 255.`)
    }
    if (min === null) throw refused('SecurityGroupMissingIcmpType', `ICMP code (port-range-max) ${max} is provided but ICMP type (port-range-min) is missing.`)
    return
  }
  if (![6, 17, 33, 132, 136].includes(number)) throw refused('SecurityGroupInvalidProtocolForPort', `Invalid protocol ${name} for port range, only supported for DCCP, SCTP, TCP, UDP, UDPLITE.`)
  if (min === 0 || max === 0) throw refused('SecurityGroupInvalidPortValue', 'Invalid value for port 0')
  if (min === null || max === null || min > max) throw refused('SecurityGroupInvalidPortRange', 'For TCP/UDP protocols, port_range_min must be <= port_range_max')
}

function refused(type: string, message: string): Error {
  return neutronFault('badRequest', type, message)
}

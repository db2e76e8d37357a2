// Compute hosts: what they have, whether they are up, and which of them may take a server.
import { createHash } from 'node:crypto'
import type { HypervisorResources } from './guests.ts'
import type { Server } from './servers.ts'

/** What a host says of itself with every heartbeat. */
export type Resources = HypervisorResources

/** A compute host with what an admin says of it; times are milliseconds. */
export interface Host {
  readonly name: string
  /** The resource provider's and the hypervisor's id. */
  readonly id: string
  readonly serviceId: string
  /** The service's and hypervisor's id before microversion 2.53. */
  readonly number: number
  readonly resources: Resources
  readonly disabled: boolean
  readonly disabledReason: string | null
  readonly forcedDown: boolean
  readonly seenAt: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** A set of hosts with metadata; `availability_zone` in it names their zone. */
export interface Aggregate {
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly hosts: readonly string[]
  readonly createdAt: number
  readonly updatedAt: number | null
}

export interface ServerGroup {
  readonly id: string
  readonly name: string
  readonly projectId: string
  readonly userId: string
  readonly policy: 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity'
  readonly rules: { readonly max_server_per_host?: number }
  readonly generation: number
}

/** The same for servers of one project on one host, and says nothing about which host; '' for none. */
export function hostIdOf(projectId: string, host: string | null): string {
  return host === null ? '' : createHash('sha224').update(projectId + host).digest('hex')
}

/** True when the host was heard of after `silentSince` (milliseconds of the clock) and nobody says it is down. */
export function isUp(host: Pick<Host, 'forcedDown' | 'seenAt'>, silentSince: number): boolean {
  return !host.forcedDown && host.seenAt >= silentSince
}

/** The zone of a host: what an aggregate says, else the default. */
export function zoneOf(host: string, aggregates: readonly Aggregate[], otherwise: string): string {
  return aggregates.find(one => one.hosts.includes(host) && one.metadata['availability_zone'] !== undefined)?.metadata['availability_zone'] ?? otherwise
}

/** What the choice of a host depends on besides its free resources. */
export interface Choosing {
  readonly server: Pick<Server, 'zone' | 'hints' | 'projectId' | 'image'>
  readonly forcedHost: string | undefined
  readonly aggregates: readonly Aggregate[]
  readonly group: { readonly policy: ServerGroup['policy'], readonly rules: ServerGroup['rules'], readonly hosts: readonly string[] } | undefined
  /** Hosts of the servers that `same_host` and `different_host` hints name. */
  readonly sameHosts: readonly string[] | undefined
  readonly differentHosts: readonly string[] | undefined
  readonly defaultZone: string
  /** Hosts that were not heard of since are down; milliseconds of the clock. */
  readonly silentSince: number
}

/** Why the host may not take the server, in a few words; undefined when it may. */
export function objection(host: Host, it: Choosing): string | undefined {
  if (!isUp(host, it.silentSince)) return host.forcedDown ? 'it was forced down' : 'its agent is silent'
  if (it.forcedHost !== undefined && host.name !== it.forcedHost) return `host ${it.forcedHost} was asked for`
  if (host.disabled && it.forcedHost === undefined) return `it is disabled${host.disabledReason ? `: ${host.disabledReason}` : ''}`
  const zone = zoneOf(host.name, it.aggregates, it.defaultZone)
  if (it.server.zone !== null && zone !== it.server.zone) return `it is in zone ${zone}, not ${it.server.zone}`
  if (it.sameHosts && !it.sameHosts.includes(host.name)) return 'the hint same_host names servers elsewhere'
  if (it.differentHosts?.includes(host.name)) return 'the hint different_host names a server on it'
  const wantedArch = it.server.image.properties['hw_architecture'] ?? it.server.image.properties['architecture']
  if (wantedArch !== undefined && !['x86_64', 'i686', 'i386'].includes(wantedArch)) return `the image is for ${wantedArch}`
  if (it.group?.policy === 'affinity' && it.group.hosts.length && !it.group.hosts.includes(host.name)) return 'its server group (affinity) is elsewhere'
  const here = it.group?.hosts.filter(name => name === host.name).length ?? 0
  if (it.group?.policy === 'anti-affinity' && here >= (it.group.rules.max_server_per_host ?? 1)) return 'its server group (anti-affinity) is on it already'
  return undefined
}

/** The hosts in the order in which they are tried: soft group policies first, then the emptiest. */
export function byPreference(hosts: readonly Host[], it: Pick<Choosing, 'group'>): Host[] {
  const together = (host: Host) => it.group?.hosts.filter(name => name === host.name).length ?? 0
  const sign = it.group?.policy === 'soft-affinity' ? -1 : it.group?.policy === 'soft-anti-affinity' ? 1 : 0
  const free = (host: Host) => host.resources.memoryMib - host.resources.usedMemoryMib
  return hosts.toSorted((a, b) => sign * (together(a) - together(b)) || free(b) - free(a) || (a.name < b.name ? -1 : 1))
}

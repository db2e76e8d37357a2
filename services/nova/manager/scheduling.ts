// Choosing a host: Placement says where the resources are, our own rows which of those hosts may take the server, and a claim in Placement decides.
//
// - Never more than a host has: Placement refuses a claim that no longer fits, and the next candidate is tried.
// - A server group's policy holds for servers made at the same time: the choice is made on the group's generation, which the commit bumps; when it has
//   moved on, the claim is given back and the choice made again.
// - A repeated step finds its own claim and keeps it.
// - When no host will do, the message says of each host why.
import { Fault } from '@alto/kit/errors'
import type { Allocations } from '@alto/kit/openstack'
import { resourcesOf, traitsOf } from '../model/flavors.ts'
import { byPreference, objection, type Choosing, type Host, type ServerGroup } from '../model/hosts.ts'
import type { Server } from '../model/servers.ts'
import * as aggregates from '../store/aggregates.ts'
import * as hosts from '../store/hosts.ts'
import * as serverGroups from '../store/server-groups.ts'
import * as servers from '../store/servers.ts'
import * as volumes from '../store/volumes.ts'
import type { Deps } from './deps.ts'

/** A claimed host. `group` must be committed with the server's host. */
export interface Placed { readonly host: Host, readonly group: ServerGroup | undefined }

/**
 * Claims a host for the server. Throws Fault conflict `nova.noValidHost` with the reason of each host, and `unavailable` when every candidate was
 * taken meanwhile.
 */
export async function claimHost(deps: Pick<Deps, 'db' | 'placement' | 'options' | 'silentSince'>, server: Server, forcedHost: string | undefined): Promise<Placed> {
  const { db, placement, options } = deps
  const known = await db.read(async tx => {
    const group = server.groupId === null ? undefined : await serverGroups.find(tx, server.groupId)
    const members = group ? await serverGroups.membersOf(tx, [group.id]) : []
    const hinted = async (hint: string) => server.hints[hint] === undefined ? undefined : (await servers.list(tx, { ids: [server.hints[hint]].flat().map(String) })).flatMap(one => one.host ?? [])
    return {
      hosts: await hosts.list(tx), aggregates: await aggregates.list(tx), group, memberHosts: members.filter(one => one.serverId !== server.id).flatMap(one => one.host ?? []),
      sameHosts: await hinted('same_host'), differentHosts: await hinted('different_host'), rootOnVolume: (await volumes.ofServers(tx, [server.id])).some(one => one.bootIndex === 0),
    }
  })
  const claimed = Object.keys(await placement.allocationsOf(server.id))
  const kept = known.hosts.find(host => claimed.includes(host.id))
  if (kept) return { host: kept, group: known.group }

  const resources = resourcesOf(server.flavor, known.rootOnVolume)
  const candidates = await placement.candidates({ resources, ...traitsOf(server.flavor) })
  const choosing: Choosing = {
    server, forcedHost, aggregates: known.aggregates, sameHosts: known.sameHosts, differentHosts: known.differentHosts, silentSince: deps.silentSince(),
    defaultZone: options.defaultAvailabilityZone, group: known.group && { policy: known.group.policy, rules: known.group.rules, hosts: known.memberHosts },
  }
  const offers = new Map<string, Allocations>(candidates.flatMap(one => Object.keys(one).length === 1 ? [[Object.keys(one)[0]!, one] as const] : []))
  const fit = known.hosts.filter(host => objection(host, choosing) === undefined && offers.has(host.id))
  if (fit.length === 0) throw await noValidHost(deps, known.hosts, choosing, resources)
  for (const host of byPreference(fit, choosing)) {
    if (await placement.claim({ id: server.id, projectId: server.projectId, userId: server.userId }, offers.get(host.id)!)) return { host, group: known.group }
  }
  throw new Fault('unavailable', 'nova.claim.lost', 'Every host that had room was taken at the same time.')
}

async function noValidHost({ placement }: Pick<Deps, 'placement'>, all: readonly Host[], choosing: Choosing, resources: Readonly<Record<string, number>>): Promise<Fault> {
  const reasons = await Promise.all(all.map(async host => `${host.name}: ${objection(host, choosing) ?? lack(await placement.use(host.id), resources)}`))
  return new Fault('conflict', 'nova.noValidHost', `No valid host was found. ${reasons.length ? `${reasons.join('; ')}.` : 'There are no compute hosts.'}`)
}

function lack(use: Awaited<ReturnType<Deps['placement']['use']>>, resources: Readonly<Record<string, number>>): string {
  if (!use) return 'Placement does not know it'
  const short = Object.entries(resources).flatMap(([name, asked]) => {
    const inventory = use.inventories[name]
    if (!inventory) return [`it has no ${name}`]
    const capacity = Math.floor((inventory.total - (inventory.reserved ?? 0)) * (inventory.allocation_ratio ?? 1))
    const used = use.usages[name] ?? 0
    if (used + asked > capacity) return [`${name} ${asked} wanted, ${Math.max(0, capacity - used)} of ${capacity} free`]
    return asked > (inventory.max_unit ?? Infinity) ? [`${name} ${asked} wanted, ${inventory.max_unit} at most for one server`] : []
  })
  return short.join(', ') || 'it lacks a trait that the flavor requires'
}

// Compute hosts as the API shows them: hypervisors, services, availability zones; and what Placement is told of them.
import type { Context } from '@alto/kit/context'
import type { Inventory } from '@alto/kit/openstack'
import { invalid, notFound } from '../model/faults.ts'
import { isUp, zoneOf, type Host, type Resources } from '../model/hosts.ts'
import type { Settings } from '../model/settings.ts'
import * as rules from '../policy/hosts.ts'
import * as serviceRules from '../policy/services.ts'
import * as zoneRules from '../policy/zones.ts'
import * as aggregates from '../store/aggregates.ts'
import * as hosts from '../store/hosts.ts'
import * as servers from '../store/servers.ts'
import type { Deps } from './deps.ts'

/** A host, with what follows from other rows. */
export interface HostView {
  readonly host: Host
  readonly up: boolean
  readonly zone: string
  readonly servers: readonly { readonly id: string, readonly name: string, readonly vcpus: number, readonly ramMib: number, readonly diskGib: number }[]
}

export interface ServiceChange { readonly disabled?: boolean | undefined, readonly disabledReason?: string | null | undefined, readonly forcedDown?: boolean | undefined }

/** What Placement is told that a host has. */
export function inventoriesOf(resources: Resources, options: Settings): Record<string, Inventory> {
  const inventory = (total: number, reserved: number, ratio: number) => ({ total, reserved: Math.min(reserved, Math.max(0, total - 1)), min_unit: 1, max_unit: total, step_size: 1, allocation_ratio: ratio })
  const all = {
    VCPU: inventory(resources.vcpus, 0, options.cpuAllocationRatio), MEMORY_MB: inventory(resources.memoryMib, options.reservedHostMemoryMb, options.ramAllocationRatio),
    DISK_GB: inventory(resources.diskGib, 0, options.diskAllocationRatio),
  }
  return Object.fromEntries(Object.entries(all).filter(([, one]) => one.total > 0))
}

/** The use cases of hosts. */
export function hostManager(deps: Deps) {
  const { db, clock, options, placement } = deps

  async function views(withServers: boolean): Promise<HostView[]> {
    return db.read(async tx => {
      const [all, zoned] = [await hosts.list(tx), await aggregates.list(tx)]
      const placed = withServers ? await servers.list(tx, { deleted: false }) : []
      return all.map(host => ({
        host, up: isUp(host, deps.silentSince()), zone: zoneOf(host.name, zoned, options.defaultAvailabilityZone),
        servers: placed.filter(server => server.host === host.name).map(({ id, name, flavor }) => ({ id, name, vcpus: flavor.vcpus, ramMib: flavor.ramMib, diskGib: flavor.diskGib })),
      }))
    })
  }

  return {
    async listHypervisors(ctx: Context, detailed: boolean): Promise<HostView[]> {
      ctx.authorize(detailed ? rules.LIST_DETAIL : rules.LIST, {})
      return views(true)
    },

    /** By UUID, or by number before 2.53. */
    async showHypervisor(ctx: Context, id: string): Promise<HostView> {
      ctx.authorize(rules.SHOW, {})
      const found = (await views(true)).find(({ host }) => host.id === id || String(host.number) === id)
      if (!found) throw notFound('hypervisor', `Compute host ${id} could not be found.`)
      return found
    },

    async listServices(ctx: Context, filter: { host?: string | undefined, binary?: string | undefined }): Promise<HostView[]> {
      ctx.authorize(serviceRules.LIST, {})
      return (await views(false)).filter(({ host }) => (filter.host === undefined || host.name === filter.host) && (filter.binary === undefined || filter.binary === 'nova-compute'))
    },

    /** By the service's id (2.53), or by the host's name. */
    async updateService(ctx: Context, which: { id: string } | { host: string }, change: ServiceChange): Promise<HostView> {
      ctx.authorize(serviceRules.UPDATE, {})
      const found = (await views(false)).find(({ host }) => 'id' in which ? host.serviceId === which.id : host.name === which.host)
      if (!found) throw notFound('service', 'id' in which ? `Service ${which.id} could not be found.` : `Could not find binary nova-compute on host ${which.host}.`)
      if (typeof change.disabledReason === 'string' && change.disabled !== true) throw invalid('service.reason', 'A disabled reason is only for services that are disabled.')
      await db.write(tx => hosts.set(tx, found.host.name, {
        updatedAt: clock.now(), ...(change.disabled !== undefined && { disabled: change.disabled, disabledReason: change.disabledReason ?? null }), ...(change.forcedDown !== undefined && { forcedDown: change.forcedDown }),
      }))
      return (await views(false)).find(({ host }) => host.name === found.host.name)!
    },

    /** Forgets a host that has no servers. Its resource provider goes too. */
    async removeService(ctx: Context, id: string): Promise<void> {
      ctx.authorize(serviceRules.DELETE, {})
      const found = (await views(true)).find(({ host }) => host.serviceId === id)
      if (!found) throw notFound('service', `Service ${id} could not be found.`)
      if (found.servers.length) throw invalid('service.inUse', `Unable to delete compute service that is hosting instances: ${found.servers.map(one => one.id).join(', ')}. Migrate or delete the instances first.`)
      await placement.remove(found.host.id)
      await db.write(tx => hosts.remove(tx, found.host.name))
    },

    /** Zones and their hosts; `internal` is upstream's zone of control services. */
    async zones(ctx: Context, detailed: boolean): Promise<{ name: string, hosts: HostView[] }[]> {
      ctx.authorize(detailed ? zoneRules.DETAIL : zoneRules.LIST, {})
      const all = (await views(false)).filter(({ host }) => !host.disabled)
      const names = [...new Set([...all.map(one => one.zone), ...(all.length ? [] : [options.defaultAvailabilityZone])])].toSorted()
      return names.map(name => ({ name, hosts: all.filter(one => one.zone === name) }))
    },
  }
}

export type HostManager = ReturnType<typeof hostManager>

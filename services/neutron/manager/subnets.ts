// Subnets: what may be made, changed and removed, and by whom.
import { isForeignKeyViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { invalidInput, neutronFault, notFound } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import { DHCP, ROUTER_INTERFACE } from '../model/ports.ts'
import { newStandard, revised } from '../model/standard.ts'
import { autoAddress, checkGateway, checkGatewayOutside, checkPools, isAutoAddressed, overlapping, place, type Subnet, type SUBNET_ATTRIBUTES } from '../model/subnets.ts'
import * as rules from '../policy/subnets.ts'
import * as addresses from '../store/addresses.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, onNetwork, once, repeatKey, useQuota, type Listing, type Page } from './access.ts'
import { defaultLimits, ringAfter, type Deps } from './deps.ts'
import { serveDhcp } from './dhcp.ts'
import { listVisible, type ListPlan } from './lists.ts'
import { visibleNetwork } from './networks.ts'
import { changePort } from './port-rows.ts'

/** A subnet that says whether its network leads out. */
export type ShownSubnet = Subnet & { readonly external: boolean }

type Said = Parsed<typeof SUBNET_ATTRIBUTES>

const PLAN: ListPlan<'subnets'> = {
  table: 'subnets', noun: 'subnet', rule: rules.GET_SUBNET, columns: subnets.FILTERS, special: subnets.special, mine: subnets.seenBy,
}
const CREATING = { service_types: rules.CREATE_SUBNET_SERVICE_TYPES, tags: rules.CREATE_SUBNET_TAGS }
const CHANGING = { service_types: rules.UPDATE_SUBNET_SERVICE_TYPES }
const MAX_SUBNETS = 200                              // on one network: all of them are read to compare prefixes

export type SubnetManager = ReturnType<typeof subnetManager>

/** The subnet with its network, when the caller may see it; else it is not found. */
export async function visibleSubnet(ctx: Context, tx: Tx, id: string): Promise<{ subnet: Subnet, network: Network }> {
  const subnet = await subnets.find(tx, id)
  const network = subnet && await networks.find(tx, subnet.networkId)
  if (!network || !ctx.allowed(rules.GET_SUBNET, onNetwork(network, subnet.projectId))) throw notFound('subnet', id)
  return { subnet, network }
}

/** The use cases of subnets. */
export function subnetManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<Subnet> {
    const network = await visibleNetwork(ctx, tx, values.network_id!, networks.lock)
    const named = values.project_id ?? values.tenant_id
    const projectId = named ?? network.projectId
    ctx.authorize(rules.CREATE_SUBNET, onNetwork(network, projectId))
    authorizeAttributes(ctx, given, CREATING, onNetwork(network, projectId))
    const placed = place(values)
    const others = await subnets.listOn(tx, [network.id])
    if (others.length >= MAX_SUBNETS) throw invalidInput(`network ${network.id} has ${MAX_SUBNETS} subnets already`)
    const clash = overlapping(placed.cidr, others)
    if (clash) throw invalidInput(`Requested subnet with cidr: ${placed.cidr} for network: ${network.id} overlaps with another subnet (subnet ${clash.id}, ${clash.cidr})`)
    const subnet: Subnet = {
      ...placed, networkId: network.id, name: values.name ?? '', dns: values.dns_nameservers ?? [], hostRoutes: values.host_routes ?? [], serviceTypes: values.service_types ?? [],
      ...newStandard({ id: ids.uuid(), projectId, description: values.description, tags: values.tags }, clock.now()),
    }
    await subnets.insert(tx, subnet)
    await addAutoAddresses(tx, subnet)
    await serveDhcp(tx, deps, network, [...others, subnet])
    ringAfter(tx, deps, await hostRows.touched(tx, 'network', [network.id]))
    return subnet
  }

  /** Ports that are there already get their address of a subnet whose addresses follow from the MAC. */
  async function addAutoAddresses(tx: Tx, subnet: Subnet): Promise<void> {
    if (!isAutoAddressed(subnet)) return
    for (const port of await ports.listOn(tx, subnet.networkId)) {
      if (port.deviceOwner === '' || port.deviceOwner.startsWith('compute:')) await changePort(tx, deps, port, { fixedIps: [...port.fixedIps, { subnetId: subnet.id, address: autoAddress(subnet, port.mac) }] })
    }
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<ShownSubnet>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, PLAN, request)
      return { items: await shown(tx, rows.map(subnets.fromRow)), more }
    }),

    show: (ctx: Context, id: string): Promise<ShownSubnet> => db.read(async tx => {
      const { subnet, network } = await visibleSubnet(ctx, tx, id)
      ctx.authorize(rules.GET_SUBNET, onNetwork(network, subnet.projectId))
      return { ...subnet, external: network.external }
    }),

    create: (ctx: Context, said: readonly Said[]): Promise<ShownSubnet[]> => storing(() => db.write(async tx => {
      const made: Subnet[] = []
      for (const [i, one] of said.entries()) {
        made.push(await once(tx, repeatKey(ctx, i), 'subnet', async id => {
          const again = await visibleSubnet(ctx, tx, id)
          ctx.authorize(rules.CREATE_SUBNET, onNetwork(again.network, again.subnet.projectId))
          return again.subnet
        }, async () => {
          const subnet = await make(ctx, tx, one)
          await useQuota(tx, deps, subnet.projectId, 'subnet', 1)
          return subnet
        }))
      }
      return shown(tx, made)
    })),

    update: (ctx: Context, id: string, { values, given }: Said): Promise<ShownSubnet> => storing(() => db.write(async tx => {
      const { subnet: seen, network } = await visibleSubnet(ctx, tx, id)
      ctx.authorize(rules.UPDATE_SUBNET, onNetwork(network, seen.projectId))
      authorizeAttributes(ctx, given, CHANGING, onNetwork(network, seen.projectId))
      await networks.lock(tx, network.id)
      const all = await subnets.listOn(tx, [network.id])
      const subnet = all.find(one => one.id === id)
      if (!subnet) throw notFound('subnet', id)
      const gatewayIp = values.gateway_ip === undefined ? subnet.gatewayIp : values.gateway_ip
      const pools = values.allocation_pools ? checkPools(subnet, values.allocation_pools) : subnet.pools
      if (gatewayIp !== subnet.gatewayIp) {
        if (gatewayIp !== null) checkGateway(subnet, gatewayIp)
        await refuseUsedGateway(tx, subnet)
      }
      if (gatewayIp !== null) checkGatewayOutside(gatewayIp, pools)
      const enableDhcp = values.enable_dhcp ?? subnet.enableDhcp
      if (!enableDhcp && (subnet.ipv6AddressMode !== null || subnet.ipv6RaMode !== null)) throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False')
      const next = revised(subnet, {
        name: values.name ?? subnet.name, description: values.description ?? subnet.description, gatewayIp, pools, enableDhcp,
        dns: values.dns_nameservers === undefined ? subnet.dns : values.dns_nameservers ?? [], hostRoutes: values.host_routes === undefined ? subnet.hostRoutes : values.host_routes ?? [],
        serviceTypes: values.service_types ?? subnet.serviceTypes,
      }, clock.now())
      await subnets.update(tx, next)
      await serveDhcp(tx, deps, network, all.map(one => one.id === id ? next : one))
      ringAfter(tx, deps, await hostRows.touched(tx, 'network', [network.id]))
      return { ...next, external: network.external }
    })),

    remove: (ctx: Context, id: string): Promise<void> => storing(() => db.write(async tx => {
      const { subnet, network } = await visibleSubnet(ctx, tx, id)
      ctx.authorize(rules.DELETE_SUBNET, onNetwork(network, subnet.projectId))
      await networks.lock(tx, network.id)
      const holders = (await addresses.holdersIn(tx, id)).filter(holder => holder.deviceOwner !== DHCP)
      if (holders.length) await releaseAuto(tx, subnet, holders)
      const rest = (await subnets.listOn(tx, [network.id])).filter(one => one.id !== id)
      for (const port of await ports.listOn(tx, network.id, DHCP)) await changePort(tx, deps, port, { fixedIps: port.fixedIps.filter(ip => ip.subnetId !== id) })
      await serveDhcp(tx, deps, network, rest)
      await subnets.remove(tx, id)
      await idempotency.removeOf(tx, id)
      ringAfter(tx, deps, await hostRows.touched(tx, 'network', [network.id]))
      await quotas.use(tx, subnet.projectId, 'subnet', -1, defaultLimits(deps.options))
    })),
  }

  /** Addresses that follow from the MAC go with their subnet; any other is a reason to keep it. */
  async function releaseAuto(tx: Tx, subnet: Subnet, holders: readonly { portId: string, deviceOwner: string }[]): Promise<void> {
    const blockers = holders.filter(holder => !isAutoAddressed(subnet) || holder.deviceOwner === ROUTER_INTERFACE)
    if (blockers.length) {
      const named = blockers.slice(0, 5).map(({ portId, deviceOwner }) => `${portId} (${deviceOwner || 'no owner'})`).join(', ')
      throw neutronFault('conflict', 'SubnetInUse', `Unable to complete operation on subnet ${subnet.id}: One or more ports have an IP allocation from this subnet: ${named}.`)
    }
    for (const port of await ports.findAll(tx, holders.map(holder => holder.portId))) await changePort(tx, deps, port, { fixedIps: port.fixedIps.filter(ip => ip.subnetId !== subnet.id) })
  }
}

async function shown(tx: Tx, list: readonly Subnet[]): Promise<ShownSubnet[]> {
  const on = await networks.findAll(tx, [...new Set(list.map(subnet => subnet.networkId))])
  return list.map(subnet => ({ ...subnet, external: on.get(subnet.networkId)?.external ?? false }))
}

async function refuseUsedGateway(tx: Tx, subnet: Subnet): Promise<void> {
  const holder = (await ports.routerPortsIn(tx, subnet.id)).find(port => port.fixedIps.some(ip => ip.subnetId === subnet.id && ip.address === subnet.gatewayIp))
  if (holder) throw neutronFault('conflict', 'GatewayIpInUse', `Current gateway ip ${subnet.gatewayIp} already in use by port ${holder.id}. Unable to update.`)
}

async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isForeignKeyViolation(error)) throw neutronFault('conflict', 'SubnetInUse', 'Unable to complete operation on subnet: One or more ports have an IP allocation from this subnet.', error)
    throw error
  }
}

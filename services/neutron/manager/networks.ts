// Networks: what may be made, changed and removed, and by whom.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { invalidInput, neutronFault, notFound } from '../model/faults.ts'
import { VXLAN_OVERHEAD, type Network, type NetworkInput, type NETWORK_ATTRIBUTES } from '../model/networks.ts'
import { DHCP, ROUTER_GATEWAY } from '../model/ports.ts'
import { newStandard, revised } from '../model/standard.ts'
import * as rules from '../policy/networks.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, once, projectOf, repeatKey, useQuota, type Listing, type Page, type Target } from './access.ts'
import { defaultLimits, ringAfter, type Deps } from './deps.ts'
import { dropDhcpPort } from './dhcp.ts'
import { dropFloatingIp } from './floating-ip-rows.ts'
import { listVisible, type ListPlan } from './lists.ts'

/** A network with the ids of its subnets. */
export type NetworkWithSubnets = Network & { readonly subnetIds: readonly string[] }

type Said = Parsed<typeof NETWORK_ATTRIBUTES>

const PLAN: ListPlan<'networks'> = {
  table: 'networks', noun: 'network', rule: rules.GET_NETWORK, columns: networks.FILTERS, special: networks.special, mine: networks.seenBy,
}
const CREATING = {
  shared: rules.CREATE_NETWORK_SHARED, 'router:external': rules.CREATE_NETWORK_ROUTER_EXTERNAL, is_default: rules.CREATE_NETWORK_IS_DEFAULT,
  port_security_enabled: rules.CREATE_NETWORK_PORT_SECURITY_ENABLED, 'provider:network_type': rules.CREATE_NETWORK_PROVIDER_NETWORK_TYPE,
  'provider:physical_network': rules.CREATE_NETWORK_PROVIDER_PHYSICAL_NETWORK, 'provider:segmentation_id': rules.CREATE_NETWORK_PROVIDER_SEGMENTATION_ID, tags: rules.CREATE_NETWORK_TAGS,
}
const CHANGING = {
  shared: rules.UPDATE_NETWORK_SHARED, 'router:external': rules.UPDATE_NETWORK_ROUTER_EXTERNAL, is_default: rules.UPDATE_NETWORK_IS_DEFAULT,
  port_security_enabled: rules.UPDATE_NETWORK_PORT_SECURITY_ENABLED,
}

export type NetworkManager = ReturnType<typeof networkManager>

/** What rules are asked about a network. */
export function networkTarget(network: Pick<Network, 'projectId' | 'shared' | 'external'>): Target {
  return { project_id: network.projectId, tenant_id: network.projectId, shared: network.shared, 'router:external': network.external }
}

/** The network, when the caller may see it; else it is not found. Does not count as the route's own question. */
export async function visibleNetwork(ctx: Context, tx: Tx, id: string, find: typeof networks.find = networks.find): Promise<Network> {
  const network = await find(tx, id)
  if (!network || !ctx.allowed(rules.GET_NETWORK, networkTarget(network))) throw notFound('network', id)
  return network
}

/** The use cases of networks. */
export function networkManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function withSubnets(tx: Tx, list: readonly Network[]): Promise<NetworkWithSubnets[]> {
    const byNetwork = Map.groupBy(await subnets.listOn(tx, list.map(network => network.id)), subnet => subnet.networkId)
    return list.map(network => ({ ...network, subnetIds: (byNetwork.get(network.id) ?? []).map(subnet => subnet.id) }))
  }

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<Network> {
    const projectId = projectOf(ctx, values)
    const network = { ...await plan(tx, values), ...newStandard({ id: ids.uuid(), projectId, description: values.description, tags: values.tags }, clock.now()) }
    ctx.authorize(rules.CREATE_NETWORK, networkTarget(network))
    authorizeAttributes(ctx, given, CREATING, networkTarget(network))
    await networks.insert(tx, network)
    return network
  }

  async function plan(tx: Tx, values: NetworkInput): Promise<Omit<Network, 'id' | 'projectId' | 'description' | 'tags' | 'revision' | 'createdAt' | 'updatedAt'>> {
    const external = values['router:external'] ?? false
    const networkType = values['provider:network_type'] ?? (external ? 'flat' : 'vxlan')
    const named = values['provider:segmentation_id'] ?? null
    if (networkType !== 'vxlan' && named !== null) throw invalidInput(`provider:segmentation_id is prohibited for ${networkType} networks`)
    if (networkType !== 'flat' && typeof values['provider:physical_network'] === 'string') throw invalidInput(`provider:physical_network is prohibited for ${networkType} networks`)
    const most = deps.options.globalPhysnetMtu - (networkType === 'vxlan' ? VXLAN_OVERHEAD : 0)
    const mtu = values.mtu === undefined || values.mtu === 0 ? most : values.mtu
    if (mtu < 68 || mtu > most) throw invalidInput(`Requested MTU is too big or too small, it may be 68 to ${most}`)
    return {
      name: values.name ?? '', adminUp: values.admin_state_up ?? true, shared: values.shared ?? false, external, isDefault: values.is_default ?? false, mtu,
      portSecurity: values.port_security_enabled ?? true, networkType, physicalNetwork: networkType === 'flat' ? values['provider:physical_network'] ?? 'public' : null,
      segmentationId: networkType === 'vxlan' ? named ?? await freeSegment(tx) : null,
    }
  }

  async function freeSegment(tx: Tx): Promise<number> {
    for (;;) {
      const vni = 1 + ids.below(16_777_215)
      if (!await networks.hasSegment(tx, 'vxlan', vni)) return vni
    }
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<NetworkWithSubnets>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, PLAN, request)
      return { items: await withSubnets(tx, rows.map(networks.fromRow)), more }
    }),

    show: (ctx: Context, id: string): Promise<NetworkWithSubnets> => db.read(async tx => {
      const network = await visibleNetwork(ctx, tx, id)
      ctx.authorize(rules.GET_NETWORK, networkTarget(network))
      return (await withSubnets(tx, [network]))[0]!
    }),

    create: (ctx: Context, said: readonly Said[]): Promise<NetworkWithSubnets[]> => storing(() => db.write(async tx => {
      const made: Network[] = []
      for (const [i, one] of said.entries()) {
        made.push(await once(tx, repeatKey(ctx, i), 'network', async id => {
          ctx.authorize(rules.CREATE_NETWORK, { project_id: projectOf(ctx, one.values) })
          return networks.find(tx, id)
        }, async () => {
          const network = await make(ctx, tx, one)
          await useQuota(tx, deps, network.projectId, 'network', 1)
          return network
        }))
      }
      return withSubnets(tx, made)
    })),

    update: (ctx: Context, id: string, { values, given }: Said): Promise<NetworkWithSubnets> => storing(() => db.write(async tx => {
      const network = await visibleNetwork(ctx, tx, id, networks.lock)
      ctx.authorize(rules.UPDATE_NETWORK, networkTarget(network))
      authorizeAttributes(ctx, given, CHANGING, networkTarget(network))
      const external = values['router:external'] ?? network.external
      if (network.external && !external) await refuseUsedExternal(tx, id)
      if (network.shared && values.shared === false) await refuseSharedUse(tx, network)
      const next = revised(network, {
        name: values.name ?? network.name, description: values.description ?? network.description, adminUp: values.admin_state_up ?? network.adminUp, shared: values.shared ?? network.shared, external,
        isDefault: values.is_default ?? network.isDefault, portSecurity: values.port_security_enabled ?? network.portSecurity, mtu: values.mtu ?? network.mtu,
      }, clock.now())
      await networks.update(tx, next)
      ringAfter(tx, deps, await hostRows.touched(tx, 'network', [id]))
      return (await withSubnets(tx, [next]))[0]!
    })),

    remove: (ctx: Context, id: string): Promise<void> => storing(() => db.write(async tx => {
      const network = await visibleNetwork(ctx, tx, id, networks.lock)
      ctx.authorize(rules.DELETE_NETWORK, networkTarget(network))
      for (const floatingIp of await floatingIps.listOn(tx, id)) if (floatingIp.fixedPortId === null) await dropFloatingIp(tx, deps, floatingIp)
      const blockers = await ports.blockersOn(tx, id)
      if (blockers.length) throw inUse(id, `There are one or more ports still in use on the network, id for these ports ${blockers.map(port => `${port.id} (${port.deviceOwner || 'no owner'})`).join(', ')}`)
      for (const port of await ports.listOn(tx, id, DHCP)) await dropDhcpPort(tx, deps, port)
      const gone = await subnets.listOn(tx, [id])
      for (const subnet of gone) {
        await subnets.remove(tx, subnet.id)
        await quotas.use(tx, subnet.projectId, 'subnet', -1, defaultLimits(deps.options))
      }
      await networks.remove(tx, id)
      await idempotency.removeOf(tx, id)
      ringAfter(tx, deps, await hostRows.removed(tx, 'network', id))
      await quotas.use(tx, network.projectId, 'network', -1, defaultLimits(deps.options))
    })),
  }
}

async function refuseUsedExternal(tx: Tx, id: string): Promise<void> {
  const gateways = await ports.listOn(tx, id, ROUTER_GATEWAY)
  const addresses = await floatingIps.listOn(tx, id)
  if (gateways.length || addresses.length) {
    throw neutronFault('conflict', 'ExternalNetworkInUse', `External network ${id} cannot be updated to be made non-external, since it has existing gateway ports: ${[...gateways, ...addresses].map(one => one.id).join(', ')}.`)
  }
}

async function refuseSharedUse(tx: Tx, network: Network): Promise<void> {
  const others = (await ports.listOn(tx, network.id)).filter(port => port.projectId !== network.projectId && port.projectId !== '')
  if (others.length) throw neutronFault('conflict', 'InvalidSharedSetting', `Unable to reconfigure sharing settings for network ${network.name}. Multiple tenants are using it.`)
}

function inUse(id: string, reason: string): Error {
  return neutronFault('conflict', 'NetworkInUse', `Unable to complete operation on network ${id}. ${reason}.`)
}

async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error, 'is_default') || isUniqueViolation(error, 'networks_default')) throw neutronFault('conflict', 'DefaultExternalNetworkExists', 'A default external network already exists.', error)
    if (isUniqueViolation(error, 'segment')) throw neutronFault('conflict', 'TunnelIdInUse', 'Unable to create the network. The tunnel ID is in use.', error)
    if (isForeignKeyViolation(error)) throw neutronFault('conflict', 'NetworkInUse', 'Unable to complete operation on the network. There are one or more ports still in use on the network.', error)
    throw error
  }
}

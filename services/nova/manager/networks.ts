// What a request says of networks and security groups, checked as the caller.
import type { Context } from '@alto/kit/context'
import type { Network } from '@alto/kit/openstack'
import { conflict, invalid, refused } from '../model/faults.ts'
import type { WantedInterface } from '../model/interfaces.ts'
import * as requestRules from '../policy/server-requests.ts'
import { asCaller, type Deps } from './deps.ts'

/** The interfaces that servers get: those asked for, or one on the only network that the project has. Throws Faults as upstream words them. */
export async function checkNetworks(deps: Deps, ctx: Context, asked: 'auto' | 'none' | readonly WantedInterface[] | undefined, count: number): Promise<WantedInterface[]> {
  if (asked === 'none') return []
  if (asked === undefined || asked === 'auto' || asked.length === 0) {
    const available = (await availableNetworks(deps, ctx)).filter(network => network.subnets.length > 0)
    if (available.length > 1) throw conflict('network.ambiguous', 'Multiple possible networks found, use a Network ID to be more specific.')
    if (available.length === 0 && asked === 'auto') throw invalid('network.auto', `Unable to automatically allocate a network for project ${ctx.credentials.projectId}`)
    return available.map(network => ({ networkId: network.id }))
  }
  if (count > 1 && asked.some(one => one.portId !== undefined)) throw invalid('network.multiplePort', 'Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.')
  if (count > 1 && asked.some(one => one.fixedIp !== undefined)) throw invalid('network.fixedIp', 'Invalid fixed IPs: servers that are made together cannot all have the same address.')
  const portIds = asked.flatMap(one => one.portId ?? [])
  const twice = portIds.find((id, index) => portIds.indexOf(id) !== index)
  if (twice !== undefined) throw invalid('network.duplicate', `Duplicate networks: port ${twice} was asked for twice.`)
  for (const id of portIds) {
    const port = await deps.network.port(asCaller(ctx), id)
    if (!port) throw invalid('port.notFound', `Port id ${id} could not be found.`)
    if (port.device_id !== '') throw conflict('port.inUse', `Port ${id} is still in use.`)
    if (port.fixed_ips.length === 0) throw invalid('port.noAddress', `Port ${id} requires a FixedIP in order to be used.`)
  }
  const networkIds = [...new Set(asked.flatMap(one => one.portId === undefined ? one.networkId ?? [] : []))]
  const found = networkIds.length === 0 ? [] : await deps.network.networks(asCaller(ctx), { ids: networkIds })
  for (const id of networkIds) checkNetwork(ctx, found.find(network => network.id === id), id)
  return [...asked]
}

function checkNetwork(ctx: Context, network: Network | undefined, id: string): void {
  if (!network) throw invalid('network.notFound', `Network ${id} could not be found.`)
  if (network.subnets.length === 0) throw invalid('network.noSubnet', `Network ${id} requires a subnet in order to boot instances on.`)
  if (network['router:external'] && !network.shared && !ctx.allowed(requestRules.ATTACH_EXTERNAL_NETWORK, { project_id: ctx.credentials.projectId })) {
    throw refused('network.external', `It is not allowed to create an interface on external network ${id}`)
  }
}

async function availableNetworks(deps: Deps, ctx: Context): Promise<Network[]> {
  const projectId = ctx.credentials.projectId ?? ''
  const [own, shared] = await Promise.all([deps.network.networks(asCaller(ctx), { projectId }), deps.network.networks(asCaller(ctx), { shared: true })])
  const all = [...own, ...shared.filter(network => !own.some(one => one.id === network.id))]
  return all.filter(network => !network['router:external'] || (network.shared && network.project_id === projectId))
}

/** The ids of security groups given by name or id; none for `default` alone, which Neutron gives by itself. Throws Fault badRequest. */
export async function securityGroupsOf(deps: Deps, ctx: Context, asked: readonly string[]): Promise<string[]> {
  if (asked.length === 0 || (asked.length === 1 && asked[0] === 'default')) return []
  const groups = await deps.network.securityGroups(asCaller(ctx), ctx.credentials.projectId)
  return [...new Set(asked)].map(name => {
    const byName = groups.filter(group => group.name === name)
    const group = groups.find(one => one.id === name) ?? byName[0]
    if (!group) throw invalid('securityGroup.notFound', `Security group ${name} not found for project ${ctx.credentials.projectId}.`)
    if (byName.length > 1 && group.id !== name) throw conflict('securityGroup.ambiguous', `Multiple security groups found matching '${name}'. Use an ID to be more specific.`)
    return group.id
  })
}

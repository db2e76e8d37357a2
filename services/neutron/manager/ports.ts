// Ports: what may be made, changed, bound and removed, and by whom.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { invalidInput, neutronFault, notFound } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import {
  FLOATING_IP, isNetworkOwned, mergeDhcpOptions, ROUTER_GATEWAY, ROUTER_INTERFACE, type AddressPair, type Port, type PortInput, type PORT_ATTRIBUTES,
} from '../model/ports.ts'
import * as rules from '../policy/ports.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as routers from '../store/routers.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, onNetwork, once, projectOf, repeatKey, useQuota, type Listing, type Page, type Target } from './access.ts'
import { allocate, asAddressInUse } from './addressing.ts'
import { defaultGroup } from './default-groups.ts'
import { defaultLimits, type Deps } from './deps.ts'
import { releasePort } from './floating-ip-rows.ts'
import { listVisible, type ListPlan } from './lists.ts'
import { visibleNetwork } from './networks.ts'
import { changePort, dropPort, macInUse, makePort } from './port-rows.ts'
import { visibleGroups } from './security-groups.ts'

/** A port, and its network for the rules on its attributes. */
export type PortOnNetwork = Port & { readonly network: Network }

type Said = Parsed<typeof PORT_ATTRIBUTES>

const PLAN: ListPlan<'ports'> = {
  table: 'ports', noun: 'port', rule: rules.GET_PORT, columns: ports.FILTERS, special: ports.special, mine: ports.seenBy,
}
const CREATING = {
  device_id: rules.CREATE_PORT_DEVICE_ID, device_owner: rules.CREATE_PORT_DEVICE_OWNER, mac_address: rules.CREATE_PORT_MAC_ADDRESS, fixed_ips: rules.CREATE_PORT_FIXED_IPS,
  'fixed_ips:ip_address': rules.CREATE_PORT_FIXED_IPS_IP_ADDRESS, 'fixed_ips:subnet_id': rules.CREATE_PORT_FIXED_IPS_SUBNET_ID, port_security_enabled: rules.CREATE_PORT_PORT_SECURITY_ENABLED,
  'binding:host_id': rules.CREATE_PORT_BINDING_HOST_ID, 'binding:profile': rules.CREATE_PORT_BINDING_PROFILE, 'binding:vnic_type': rules.CREATE_PORT_BINDING_VNIC_TYPE,
  allowed_address_pairs: rules.CREATE_PORT_ALLOWED_ADDRESS_PAIRS, tags: rules.CREATE_PORT_TAGS,
}
const CHANGING = {
  device_id: rules.UPDATE_PORT_DEVICE_ID, device_owner: rules.UPDATE_PORT_DEVICE_OWNER, mac_address: rules.UPDATE_PORT_MAC_ADDRESS, fixed_ips: rules.UPDATE_PORT_FIXED_IPS,
  'fixed_ips:ip_address': rules.UPDATE_PORT_FIXED_IPS_IP_ADDRESS, 'fixed_ips:subnet_id': rules.UPDATE_PORT_FIXED_IPS_SUBNET_ID, port_security_enabled: rules.UPDATE_PORT_PORT_SECURITY_ENABLED,
  'binding:host_id': rules.UPDATE_PORT_BINDING_HOST_ID, 'binding:profile': rules.UPDATE_PORT_BINDING_PROFILE, 'binding:vnic_type': rules.UPDATE_PORT_BINDING_VNIC_TYPE,
  allowed_address_pairs: rules.UPDATE_PORT_ALLOWED_ADDRESS_PAIRS,
}
const OWNERS_OF_ROUTERS: readonly string[] = [ROUTER_INTERFACE, ROUTER_GATEWAY, FLOATING_IP]

export type PortManager = ReturnType<typeof portManager>

/** What rules are asked about a port. */
export function portTarget(network: Network, port: Pick<Port, 'projectId' | 'deviceOwner'>): Target {
  return onNetwork(network, port.projectId, { device_owner: port.deviceOwner })
}

/** The port with its network, when the caller may see it; else it is not found. */
export async function visiblePort(ctx: Context, tx: Tx, id: string): Promise<PortOnNetwork> {
  const port = await ports.find(tx, id)
  const network = port && await networks.find(tx, port.networkId)
  if (!network || !ctx.allowed(rules.GET_PORT, portTarget(network, port))) throw notFound('port', id)
  return { ...port, network }
}

/** The use cases of ports. */
export function portManager(deps: Deps) {
  const { db } = deps

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<PortOnNetwork> {
    const network = await visibleNetwork(ctx, tx, values.network_id!, networks.lock)
    const projectId = projectOf(ctx, values)
    const deviceOwner = values.device_owner ?? ''
    const target = portTarget(network, { projectId, deviceOwner })
    ctx.authorize(rules.CREATE_PORT, target)
    authorizeAttributes(ctx, withParts(given, values), CREATING, target)
    await refuseRouterPort(ctx, tx, { projectId, deviceOwner, deviceId: values.device_id ?? '' })
    const portSecurity = isNetworkOwned(deviceOwner) ? false : values.port_security_enabled ?? network.portSecurity
    const securityGroups = await groupsFor(ctx, tx, { asked: values.security_groups ?? undefined, projectId, portSecurity, deviceOwner })
    const mac = values.mac_address ?? undefined
    const port = await makePort(tx, deps, network, await subnets.listOn(tx, [network.id]), {
      projectId, name: values.name ?? '', description: values.description ?? '', tags: values.tags ?? [], adminUp: values.admin_state_up ?? true, mac, wantedIps: values.fixed_ips ?? undefined,
      deviceId: values.device_id ?? '', deviceOwner, portSecurity, securityGroups, dnsName: values.dns_name ?? '', bindingHost: values['binding:host_id'] ?? '',
      bindingProfile: values['binding:profile'] ?? {}, vnicType: values['binding:vnic_type'] ?? 'normal', extraDhcpOptions: mergeDhcpOptions([], values.extra_dhcp_opts ?? []),
    })
    const pairs = pairsOf(values, port.mac)
    if (pairs?.length && !portSecurity) throw pairsNeedSecurity()
    await useQuota(tx, deps, projectId, 'port', 1)
    return { ...pairs?.length ? await changePairs(tx, port, pairs) : port, network }
  }

  async function changePairs(tx: Tx, port: Port, allowedAddressPairs: readonly AddressPair[]): Promise<Port> {
    const next = { ...port, allowedAddressPairs }
    await ports.update(tx, next)
    return next
  }

  async function groupsFor(ctx: Context, tx: Tx, port: { asked: readonly string[] | undefined, projectId: string, portSecurity: boolean, deviceOwner: string }): Promise<string[]> {
    if (isNetworkOwned(port.deviceOwner)) return []
    if (port.asked?.length && !port.portSecurity) throw groupsNeedSecurity()
    if (port.asked) return (await visibleGroups(ctx, tx, [...new Set(port.asked)], port.projectId)).map(group => group.id).toSorted()
    return port.portSecurity && port.projectId !== '' ? [(await defaultGroup(tx, deps, port.projectId)).id] : []
  }

  async function changesOf(ctx: Context, tx: Tx, port: PortOnNetwork, values: PortInput): Promise<Partial<Port>> {
    const mac = values.mac_address ?? port.mac
    if (mac !== port.mac) {
      if (port.bindingHost !== '' && port.deviceOwner.startsWith('compute:')) throw neutronFault('conflict', 'PortBound', `Unable to complete operation on port ${port.id}, port is already bound, port type: ${port.vifType}, old_mac ${port.mac}, new_mac ${mac}.`)
      if (await ports.hasMac(tx, port.networkId, mac)) throw macInUse(port.networkId, mac)
    }
    const portSecurity = values.port_security_enabled ?? port.portSecurity
    const deviceOwner = values.device_owner ?? port.deviceOwner
    const cleared = values.security_groups === null || (values.security_groups === undefined && isNetworkOwned(deviceOwner))
    const securityGroups = values.security_groups ? await groupsFor(ctx, tx, { asked: values.security_groups, projectId: port.projectId, portSecurity, deviceOwner }) : cleared ? [] : port.securityGroups
    if (!portSecurity && securityGroups.length) throw groupsNeedSecurity()
    const allowedAddressPairs = pairsOf(values, mac) ?? port.allowedAddressPairs
    if (!portSecurity && allowedAddressPairs.length) throw pairsNeedSecurity()
    const fixedIps = values.fixed_ips === undefined ? port.fixedIps
      : await allocate(tx, deps, await subnets.listOn(tx, [port.networkId]), values.fixed_ips ?? [], { networkId: port.networkId, mac, held: port.fixedIps })
    return {
      name: values.name ?? port.name, description: values.description ?? port.description, adminUp: values.admin_state_up ?? port.adminUp, mac, portSecurity, securityGroups, allowedAddressPairs,
      fixedIps, deviceId: values.device_id ?? port.deviceId, deviceOwner, dnsName: values.dns_name ?? port.dnsName,
      bindingHost: values['binding:host_id'] === undefined ? port.bindingHost : values['binding:host_id'] ?? '', bindingProfile: values['binding:profile'] ?? port.bindingProfile,
      vnicType: values['binding:vnic_type'] ?? port.vnicType, extraDhcpOptions: mergeDhcpOptions(port.extraDhcpOptions, values.extra_dhcp_opts ?? []),
    }
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<PortOnNetwork>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, PLAN, request)
      const list = await ports.complete(tx, rows)
      const on = await networks.findAll(tx, [...new Set(rows.map(row => row.network_id))])
      return { items: list.flatMap(port => on.has(port.networkId) ? [{ ...port, network: on.get(port.networkId)! }] : []), more }
    }),

    show: (ctx: Context, id: string): Promise<PortOnNetwork> => db.read(async tx => {
      const port = await visiblePort(ctx, tx, id)
      ctx.authorize(rules.GET_PORT, portTarget(port.network, port))
      return port
    }),

    create: (ctx: Context, said: readonly Said[]): Promise<PortOnNetwork[]> => storing(() => db.write(async tx => {
      const made: PortOnNetwork[] = []
      for (const [i, one] of said.entries()) {
        made.push(await once(tx, repeatKey(ctx, i), 'port', async id => {
          if (!await ports.find(tx, id)) return undefined
          const port = await visiblePort(ctx, tx, id)
          ctx.authorize(rules.CREATE_PORT, portTarget(port.network, port))
          return port
        }, () => make(ctx, tx, one)))
      }
      return made
    })),

    update: (ctx: Context, id: string, { values, given }: Said): Promise<PortOnNetwork> => storing(() => db.write(async tx => {
      const seen = await visiblePort(ctx, tx, id)
      const asked = portTarget(seen.network, { ...seen, deviceOwner: values.device_owner ?? seen.deviceOwner })
      ctx.authorize(rules.UPDATE_PORT, asked)
      authorizeAttributes(ctx, withParts(given, values), CHANGING, asked)
      await networks.lock(tx, seen.networkId)
      const port = { ...await ports.find(tx, id) ?? seen, network: seen.network }
      if (OWNERS_OF_ROUTERS.includes(port.deviceOwner) && (values.device_id ?? port.deviceId) !== port.deviceId) throw invalidInput(`port ${id} belongs to ${port.deviceOwner} ${port.deviceId}`)
      if (values.device_id !== undefined || values.device_owner !== undefined) await refuseRouterPort(ctx, tx, { projectId: port.projectId, deviceOwner: values.device_owner ?? port.deviceOwner, deviceId: values.device_id ?? port.deviceId })
      const next = await changesOf(ctx, tx, port, values)
      const lost = port.fixedIps.filter(ip => !next.fixedIps?.some(other => other.address === ip.address)).map(ip => ip.address)
      if (lost.length) await releasePort(tx, deps, id, lost)
      const { network, ...was } = port
      return { ...await changePort(tx, deps, was, next), network }
    })),

    remove: (ctx: Context, id: string): Promise<void> => storing(() => db.write(async tx => {
      const port = await visiblePort(ctx, tx, id)
      ctx.authorize(rules.DELETE_PORT, portTarget(port.network, port))
      if (OWNERS_OF_ROUTERS.includes(port.deviceOwner) && port.deviceId !== '') {
        throw neutronFault('conflict', 'ServicePortInUse', `Port ${id} cannot be deleted directly via the port API: has device owner ${port.deviceOwner}.`)
      }
      await releasePort(tx, deps, id)
      await dropPort(tx, deps, port)
      await quotas.use(tx, port.projectId, 'port', -1, defaultLimits(deps.options))
    })),
  }
}

/** A port that says it is a router's would be plugged into that router: only the router's own calls make one (OSSA-2014-008). */
async function refuseRouterPort(ctx: Context, tx: Tx, { projectId, deviceOwner, deviceId }: Pick<Port, 'projectId' | 'deviceOwner' | 'deviceId'>): Promise<void> {
  if (!OWNERS_OF_ROUTERS.includes(deviceOwner) || ctx.credentials.roles.includes('admin')) return
  const router = await routers.find(tx, deviceId)
  if (!router) return
  if (router.projectId !== projectId) throw neutronFault('conflict', 'DeviceIDNotOwnedByTenant', `The following device_id ${deviceId} is not owned by your tenant or matches another tenants router.`)
  throw invalidInput(`a port of ${deviceOwner} is made by its router: use add_router_interface, or external_gateway_info`)
}

/** The names that a request carries, with those of the parts that have rules of their own. */
function withParts(given: ReadonlySet<string>, { fixed_ips: fixedIps }: PortInput): ReadonlySet<string> {
  const parts = (fixedIps ?? []).flatMap(ip => [...(ip.ip_address !== undefined ? ['fixed_ips:ip_address'] : []), ...(ip.subnet_id !== undefined ? ['fixed_ips:subnet_id'] : [])])
  return new Set([...[...given].filter(name => name !== 'fixed_ips' || parts.length > 0), ...parts])
}

/** The address pairs, each with a MAC; undefined when the request says nothing of them. Throws Fault('badRequest', 'neutron.DuplicateAddressPairInRequest'). */
function pairsOf({ allowed_address_pairs: pairs }: PortInput, mac: string): AddressPair[] | undefined {
  if (pairs === undefined) return undefined
  const whole = (pairs ?? []).map(pair => ({ mac_address: pair.mac_address ?? mac, ip_address: pair.ip_address }))
  const twice = whole.find((pair, i) => whole.findIndex(other => other.ip_address === pair.ip_address && other.mac_address === pair.mac_address) !== i)
  if (twice) throw neutronFault('badRequest', 'DuplicateAddressPairInRequest', `Request contains duplicate address pair: mac_address ${twice.mac_address} ip_address ${twice.ip_address}.`)
  return whole
}

function pairsNeedSecurity(): Error {
  return neutronFault('conflict', 'AddressPairAndPortSecurityRequired', 'Port Security must be enabled in order to have allowed address pairs on a port.')
}

function groupsNeedSecurity(): Error {
  return neutronFault('badRequest', 'PortSecurityAndIPRequiredForSecurityGroups', 'Port security must be enabled and port must have an IP address in order to use security groups.')
}

async function storing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error, 'mac')) throw neutronFault('conflict', 'MacAddressInUse', 'Unable to complete operation: the mac address is in use.', error)
    if (isForeignKeyViolation(error)) throw neutronFault('conflict', 'PortInUse', 'Unable to complete operation on the port: something stands on it.', error)
    throw asAddressInUse(error, '')
  }
}

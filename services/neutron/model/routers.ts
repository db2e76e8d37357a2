// Routers: what they are, what clients may say of them, and which routes they can have.
import { holds, parseAddress, parsePrefix } from './addresses.ts'
import { attribute, flag, ipAddress, listOf, orNull, record, tags, text, uuid, type Input } from './attributes.ts'
import { neutronFault } from './faults.ts'
import type { Standard } from './standard.ts'
import { route } from './subnets.ts'

export interface ExtraRoute {
  readonly destination: string
  readonly nexthop: string
}

/** A router; its interfaces are ports. */
export interface Router extends Standard {
  readonly name: string
  readonly adminUp: boolean
  readonly status: 'ACTIVE' | 'ERROR'
  readonly routes: readonly ExtraRoute[]
  readonly gatewayPortId: string | null
  readonly enableSnat: boolean
  /** Where it runs; null until a host with an agent is there. */
  readonly host: string | null
}

const gatewayInfo = orNull(record({ network_id: orNull(uuid), enable_snat: flag, external_fixed_ips: listOf(record({ subnet_id: uuid, ip_address: ipAddress }), 100), qos_policy_id: orNull(uuid) }))

/** A router's attributes on the wire. */
export const ROUTER_ATTRIBUTES = {
  tenant_id: attribute(text(255), { fixed: true }), project_id: attribute(text(255), { fixed: true }),
  name: attribute(text(), { default: '' }), description: attribute(text()), admin_state_up: attribute(flag, { default: true }),
  external_gateway_info: attribute(gatewayInfo), routes: attribute(orNull(listOf(route, 1000)), { updateOnly: true }), tags: attribute(tags, { fixed: true }),
  availability_zone_hints: attribute(listOf(text(), 10), { fixed: true }),
}

/** What a request says of a router. */
export type RouterInput = Input<typeof ROUTER_ATTRIBUTES>

/**
 * A router's extra routes lead over its own networks, and not over itself.
 * Throws Fault('badRequest', 'neutron.InvalidRoutes' | 'neutron.RoutesExhausted').
 */
export function checkRoutes(routerId: string, routes: readonly ExtraRoute[], near: { cidrs: readonly string[], addresses: readonly string[] }, max: number): void {
  if (routes.length > max) throw neutronFault('badRequest', 'RoutesExhausted', `Unable to complete operation for ${routerId}. The number of routes exceeds the maximum ${max}.`)
  const refused = (reason: string) => neutronFault('badRequest', 'InvalidRoutes', `Invalid format for routes: ${JSON.stringify(routes)}, ${reason}`)
  const seen = new Set<string>()
  for (const { destination, nexthop } of routes) {
    const key = `${destination} ${nexthop}`
    if (seen.has(key)) throw refused('duplicate routes')
    seen.add(key)
    if (!near.cidrs.some(cidr => holds(parsePrefix(cidr), parseAddress(nexthop)))) throw refused('the nexthop is not connected with router')
    if (near.addresses.includes(nexthop)) throw refused('the nexthop is used by router')
  }
}

/** True when one of the routes leads over the prefix. */
export function routesOver(routes: readonly ExtraRoute[], cidr: string): boolean {
  return routes.some(({ nexthop }) => holds(parsePrefix(cidr), parseAddress(nexthop)))
}

// /subnets.
import type { Context } from '@alto/kit/context'
import type { AnyRoute } from '@alto/kit/http'
import type { ShownSubnet, SubnetManager } from '../manager/subnets.ts'
import { SUBNET_ATTRIBUTES } from '../model/subnets.ts'
import * as rules from '../policy/subnets.ts'
import { collectionRoutes } from './collection.ts'
import { standardView } from './standard.ts'

/** The routes of subnets. */
export function subnetRoutes(manager: SubnetManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'subnet', plural: 'subnets', words: 'subnet', attributes: SUBNET_ATTRIBUTES, manager, view,
    rules: { list: rules.GET_SUBNET, create: rules.CREATE_SUBNET, update: rules.UPDATE_SUBNET, remove: rules.DELETE_SUBNET },
  })
}

function view(_ctx: Context, s: ShownSubnet) {
  return {
    ...standardView(s), name: s.name, network_id: s.networkId, ip_version: s.ipVersion, cidr: s.cidr, gateway_ip: s.gatewayIp, enable_dhcp: s.enableDhcp, allocation_pools: s.pools,
    dns_nameservers: s.dns, host_routes: s.hostRoutes, ipv6_address_mode: s.ipv6AddressMode, ipv6_ra_mode: s.ipv6RaMode, service_types: s.serviceTypes, subnetpool_id: null, 'router:external': s.external,
  }
}

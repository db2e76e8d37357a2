// /floatingips.
import type { Context } from '@alto/kit/context'
import type { AnyRoute } from '@alto/kit/http'
import type { FloatingIpManager } from '../manager/floating-ips.ts'
import { FLOATING_IP_ATTRIBUTES, type FloatingIp } from '../model/floating-ips.ts'
import * as rules from '../policy/floating-ips.ts'
import { collectionRoutes } from './collection.ts'
import { standardView } from './standard.ts'

/** The routes of floating IPs. */
export function floatingIpRoutes(manager: FloatingIpManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'floatingip', plural: 'floatingips', words: 'floating IP', attributes: FLOATING_IP_ATTRIBUTES, manager, view,
    rules: { list: rules.GET_FLOATINGIP, create: rules.CREATE_FLOATINGIP, update: rules.UPDATE_FLOATINGIP, remove: rules.DELETE_FLOATINGIP },
  })
}

function view(_ctx: Context, f: FloatingIp) {
  return {
    ...standardView(f), floating_network_id: f.floatingNetworkId, floating_ip_address: f.floatingIpAddress, port_id: f.fixedPortId, fixed_ip_address: f.fixedIpAddress,
    router_id: f.routerId, status: f.status,
  }
}

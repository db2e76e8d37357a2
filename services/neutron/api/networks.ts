// /networks.
import type { Context } from '@alto/kit/context'
import type { AnyRoute } from '@alto/kit/http'
import { networkTarget, type NetworkManager, type NetworkWithSubnets } from '../manager/networks.ts'
import { NETWORK_ATTRIBUTES } from '../model/networks.ts'
import * as rules from '../policy/networks.ts'
import { collectionRoutes } from './collection.ts'
import { standardView, visible } from './standard.ts'

const SEEN = {
  'provider:network_type': rules.GET_NETWORK_PROVIDER_NETWORK_TYPE, 'provider:physical_network': rules.GET_NETWORK_PROVIDER_PHYSICAL_NETWORK,
  'provider:segmentation_id': rules.GET_NETWORK_PROVIDER_SEGMENTATION_ID,
}

/** The routes of networks. */
export function networkRoutes(manager: NetworkManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'network', plural: 'networks', words: 'network', attributes: NETWORK_ATTRIBUTES, manager, view,
    rules: { list: rules.GET_NETWORK, create: rules.CREATE_NETWORK, update: rules.UPDATE_NETWORK, remove: rules.DELETE_NETWORK },
  })
}

function view(ctx: Context, n: NetworkWithSubnets) {
  return visible(ctx, {
    ...standardView(n), name: n.name, admin_state_up: n.adminUp, status: 'ACTIVE', subnets: n.subnetIds, shared: n.shared, 'router:external': n.external, is_default: n.isDefault, mtu: n.mtu,
    port_security_enabled: n.portSecurity, availability_zone_hints: [], availability_zones: ['nova'], ipv4_address_scope: null, ipv6_address_scope: null,
    'provider:network_type': n.networkType, 'provider:physical_network': n.physicalNetwork, 'provider:segmentation_id': n.segmentationId,
  }, SEEN, networkTarget(n))
}

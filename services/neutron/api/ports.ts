// /ports.
import type { Context } from '@alto/kit/context'
import type { AnyRoute } from '@alto/kit/http'
import { portTarget, type PortManager, type PortOnNetwork } from '../manager/ports.ts'
import { bridgeOf } from '../model/names.ts'
import { PORT_ATTRIBUTES } from '../model/ports.ts'
import * as rules from '../policy/ports.ts'
import { collectionRoutes } from './collection.ts'
import { standardView, visible } from './standard.ts'

const SEEN = {
  'binding:host_id': rules.GET_PORT_BINDING_HOST_ID, 'binding:profile': rules.GET_PORT_BINDING_PROFILE, 'binding:vif_type': rules.GET_PORT_BINDING_VIF_TYPE,
  'binding:vif_details': rules.GET_PORT_BINDING_VIF_DETAILS,
}

/** The routes of ports. */
export function portRoutes(manager: PortManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'port', plural: 'ports', words: 'port', attributes: PORT_ATTRIBUTES, manager, view,
    rules: { list: rules.GET_PORT, create: rules.CREATE_PORT, update: rules.UPDATE_PORT, remove: rules.DELETE_PORT },
  })
}

function view(ctx: Context, p: PortOnNetwork) {
  return visible(ctx, {
    ...standardView(p), name: p.name, network_id: p.networkId, admin_state_up: p.adminUp, status: p.status, mac_address: p.mac, device_id: p.deviceId, device_owner: p.deviceOwner,
    fixed_ips: p.fixedIps.map(ip => ({ subnet_id: ip.subnetId, ip_address: ip.address })), security_groups: p.securityGroups, port_security_enabled: p.portSecurity,
    allowed_address_pairs: p.allowedAddressPairs, extra_dhcp_opts: p.extraDhcpOptions, dns_name: p.dnsName, dns_assignment: assignments(p),
    'binding:vnic_type': p.vnicType, 'binding:host_id': p.bindingHost, 'binding:profile': p.bindingProfile, 'binding:vif_type': p.vifType,
    'binding:vif_details': p.vifType === 'bridge' ? { port_filter: true, connectivity: 'l2', bridge_name: bridgeOf(p.networkId), bound_drivers: { 0: 'linuxbridge' } } : {},
  }, SEEN, portTarget(p.network, p))
}

function assignments(p: PortOnNetwork) {
  return p.fixedIps.map(({ address }) => {
    const hostname = p.dnsName || `host-${address.replaceAll(/[.:]+/g, '-')}`
    return { ip_address: address, hostname, fqdn: `${hostname}.openstacklocal.` }
  })
}

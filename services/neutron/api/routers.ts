// /routers, their interfaces and extra routes.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { InterfaceName, RouterInterface, RouterInterfaceManager } from '../manager/router-interfaces.ts'
import type { RouterManager, RouterWithGateway } from '../manager/routers.ts'
import { listOf, orNull, uuid } from '../model/attributes.ts'
import { ROUTER_ATTRIBUTES, type ExtraRoute } from '../model/routers.ts'
import { route as extraRoute } from '../model/subnets.ts'
import * as rules from '../policy/routers.ts'
import { collectionRoutes, memberOf } from './collection.ts'
import { standardView } from './standard.ts'

const byId = t.object({ id: t.string({ min: 1, pattern: '^[^\\u0000]*$' }) })
const document = t.map(t.anything(), { max: 20 })
const maybeId = orNull(uuid)

/** The routes of routers. */
export function routerRoutes(manager: RouterManager, interfaces: RouterInterfaceManager): AnyRoute[] {
  return [
    ...collectionRoutes({
      singular: 'router', plural: 'routers', words: 'router', attributes: ROUTER_ATTRIBUTES, manager, view,
      rules: { list: rules.GET_ROUTER, create: rules.CREATE_ROUTER, update: rules.UPDATE_ROUTER, remove: rules.DELETE_ROUTER },
    }),
    route({
      method: 'PUT', path: '/v2.0/routers/{id}/add_router_interface', rule: rules.ADD_ROUTER_INTERFACE, status: 200, summary: 'Add interface to router', params: byId, body: document,
      handle: async ({ ctx, params, body }) => interfaceView(await interfaces.add(ctx, params.id, nameOf(body))),
    }),
    route({
      method: 'PUT', path: '/v2.0/routers/{id}/remove_router_interface', rule: rules.REMOVE_ROUTER_INTERFACE, status: 200, summary: 'Remove interface from router', params: byId, body: document,
      async handle({ ctx, params, body }) {
        const name = nameOf(body)
        return interfaceView(await interfaces.remove(ctx, params.id, name), name.subnetId)
      },
    }),
    route({
      method: 'PUT', path: '/v2.0/routers/{id}/add_extraroutes', rule: rules.ADD_EXTRAROUTES, status: 200, summary: 'Add extra routes to router', params: byId, body: document,
      handle: async ({ ctx, params, body }) => ({ router: view(ctx, await interfaces.addRoutes(ctx, params.id, routesIn(body))) }),
    }),
    route({
      method: 'PUT', path: '/v2.0/routers/{id}/remove_extraroutes', rule: rules.REMOVE_EXTRAROUTES, status: 200, summary: 'Remove extra routes from router', params: byId, body: document,
      handle: async ({ ctx, params, body }) => ({ router: view(ctx, await interfaces.removeRoutes(ctx, params.id, routesIn(body))) }),
    }),
  ]
}

function view(_ctx: Context, r: RouterWithGateway) {
  return {
    ...standardView(r), name: r.name, admin_state_up: r.adminUp, status: r.status, routes: r.routes, availability_zone_hints: [], availability_zones: r.host === null ? [] : ['nova'],
    external_gateway_info: r.gateway ? {
      network_id: r.gateway.networkId, enable_snat: r.enableSnat, external_fixed_ips: r.gateway.fixedIps.map(ip => ({ subnet_id: ip.subnetId, ip_address: ip.address })),
    } : null,
  }
}

function interfaceView({ router, port }: RouterInterface, named?: string) {
  const subnetIds = port.fixedIps.map(ip => ip.subnetId)
  return {
    id: router.id, tenant_id: router.projectId, project_id: router.projectId, network_id: port.networkId, port_id: port.id, subnet_id: named ?? subnetIds[0] ?? null, subnet_ids: subnetIds, tags: router.tags,
  }
}

function nameOf(body: Readonly<Record<string, unknown>>): InterfaceName {
  const { subnet_id: subnetId, port_id: portId } = body
  return { subnetId: maybeId(subnetId ?? null, 'subnet_id') ?? undefined, portId: maybeId(portId ?? null, 'port_id') ?? undefined }
}

function routesIn(body: Readonly<Record<string, unknown>>): readonly ExtraRoute[] {
  return listOf(extraRoute, 1000)(memberOf(body, 'router')['routes'], 'routes')
}

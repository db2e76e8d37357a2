// Routers: what may be made, changed and removed, and by whom. Their interfaces: router-interfaces.ts.
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { badRequest, neutronFault, notFound } from '../model/faults.ts'
import { DHCP, ROUTER_GATEWAY, ROUTER_INTERFACE, type Port } from '../model/ports.ts'
import { checkRoutes, type ExtraRoute, type Router, type RouterInput, type ROUTER_ATTRIBUTES } from '../model/routers.ts'
import { newStandard, revised } from '../model/standard.ts'
import * as rules from '../policy/routers.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as routers from '../store/routers.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, once, projectOf, repeatKey, useQuota, type Listing, type Page, type Target } from './access.ts'
import type { WantedIp } from './addressing.ts'
import { defaultLimits, ringAfter, type Deps } from './deps.ts'
import { pickHost, takes } from './hosts.ts'
import { listVisible, type ListPlan } from './lists.ts'
import { visibleNetwork } from './networks.ts'
import { changePort, dropPort, makePort } from './port-rows.ts'

/** A router with its gateway's port. */
export type RouterWithGateway = Router & { readonly gateway: Port | undefined }

type Said = Parsed<typeof ROUTER_ATTRIBUTES>

const PLAN: ListPlan<'routers'> = {
  table: 'routers', noun: 'router', rule: rules.GET_ROUTER, columns: routers.FILTERS, mine: routers.seenBy,
}
const CREATING = {
  external_gateway_info: rules.CREATE_ROUTER_EXTERNAL_GATEWAY_INFO, 'external_gateway_info:network_id': rules.CREATE_ROUTER_EXTERNAL_GATEWAY_INFO_NETWORK_ID,
  'external_gateway_info:enable_snat': rules.CREATE_ROUTER_EXTERNAL_GATEWAY_INFO_ENABLE_SNAT,
  'external_gateway_info:external_fixed_ips': rules.CREATE_ROUTER_EXTERNAL_GATEWAY_INFO_EXTERNAL_FIXED_IPS, tags: rules.CREATE_ROUTER_TAGS,
}
const CHANGING = {
  external_gateway_info: rules.UPDATE_ROUTER_EXTERNAL_GATEWAY_INFO, 'external_gateway_info:network_id': rules.UPDATE_ROUTER_EXTERNAL_GATEWAY_INFO_NETWORK_ID,
  'external_gateway_info:enable_snat': rules.UPDATE_ROUTER_EXTERNAL_GATEWAY_INFO_ENABLE_SNAT,
  'external_gateway_info:external_fixed_ips': rules.UPDATE_ROUTER_EXTERNAL_GATEWAY_INFO_EXTERNAL_FIXED_IPS,
}

export type RouterManager = ReturnType<typeof routerManager>

/** What rules are asked about a router. */
export function routerTarget(router: Pick<Router, 'projectId'>): Target {
  return { project_id: router.projectId, tenant_id: router.projectId }
}

/** The router, when the caller may see it; else it is not found. */
export async function visibleRouter(ctx: Context, tx: Tx, id: string, find: typeof routers.find = routers.find): Promise<Router> {
  const router = await find(tx, id)
  if (!router || !ctx.allowed(rules.GET_ROUTER, routerTarget(router))) throw notFound('router', id)
  return router
}

/** The router as its views need it. */
export async function withGateways(tx: Tx, list: readonly Router[]): Promise<RouterWithGateway[]> {
  const gateways = new Map((await ports.findAll(tx, list.flatMap(router => router.gatewayPortId ?? []))).map(port => [port.id, port]))
  return list.map(router => ({ ...router, gateway: router.gatewayPortId === null ? undefined : gateways.get(router.gatewayPortId) }))
}

/** Places a router that runs nowhere, or where it is to run no longer; without a live host it stays. Does nothing when it was placed meanwhile. */
export async function settleRouter(tx: Tx, deps: Deps, id: string): Promise<void> {
  const router = await routers.lock(tx, id)
  if (!router || await takes(tx, 'L3 agent', router.host)) return
  const gateway = router.gatewayPortId === null ? undefined : await ports.find(tx, router.gatewayPortId)
  if (gateway) await networks.lock(tx, gateway.networkId)
  await placeRouter(tx, deps, router, await hostFor(tx, deps, router, gateway?.networkId))
}

/** One host leads out to an external network as long as it lives: where other routers' gateways, or its DHCP, are already. The external network is locked. */
async function hostFor(tx: Tx, deps: Deps, router: Router, externalId: string | undefined): Promise<string | undefined> {
  const preferred = externalId === undefined ? [] : await ports.hostsOn(tx, externalId, { owners: [ROUTER_GATEWAY, DHCP], but: router.gatewayPortId })
  return pickHost(tx, deps, 'L3 agent', { preferred, current: router.host })
}

/** The router where it runs from now on, with all of its ports; where it ran before it is taken away. */
async function placeRouter(tx: Tx, deps: Deps, router: Router, host: string | undefined): Promise<Router> {
  if (host === undefined || host === router.host) return router
  const placed: Router = { ...router, host, status: 'ACTIVE' }
  await routers.update(tx, placed)
  await floatingIps.setStatusOfRouter(tx, router.id, 'DOWN')
  const left = await hostRows.removed(tx, 'router', router.id)
  for (const port of await ports.listOfDevice(tx, router.id, ROUTER_INTERFACE, ROUTER_GATEWAY)) await changePort(tx, deps, port, { bindingHost: host })
  await hostRows.wantRouter(tx, router.id, host)
  ringAfter(tx, deps, [...left, host])
  return placed
}

/** Refuses routes that do not lead over the router's networks. */
export async function checkRoutesOf(tx: Tx, deps: Deps, router: Router, routes: readonly ExtraRoute[]): Promise<void> {
  const own = await ports.listOfDevice(tx, router.id, ROUTER_INTERFACE, ROUTER_GATEWAY)
  const near = await subnets.findAll(tx, [...new Set(own.flatMap(port => port.fixedIps.map(ip => ip.subnetId)))])
  checkRoutes(router.id, routes, { cidrs: near.map(subnet => subnet.cidr), addresses: own.flatMap(port => port.fixedIps.map(ip => ip.address)) }, deps.options.maxRoutes)
}

/** The use cases of routers. */
export function routerManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<Router> {
    const projectId = projectOf(ctx, values)
    const router: Router = {
      ...newStandard({ id: ids.uuid(), projectId, description: values.description, tags: values.tags }, clock.now()), name: values.name ?? '', adminUp: values.admin_state_up ?? true,
      status: 'ACTIVE', routes: [], gatewayPortId: null, enableSnat: true, host: await pickHost(tx, deps, 'L3 agent') ?? null,
    }
    ctx.authorize(rules.CREATE_ROUTER, routerTarget(router))
    authorizeAttributes(ctx, withParts(given, values), CREATING, routerTarget(router))
    await routers.insert(tx, router)
    const ready = typeof values.external_gateway_info?.network_id === 'string' ? await setGateway(ctx, tx, router, values.external_gateway_info) : router
    if (ready.host !== null) {
      await hostRows.wantRouter(tx, router.id, ready.host)
      ringAfter(tx, deps, [ready.host])
    }
    return ready
  }

  /** The router with the gateway that `info` asks for. What the request does not say of the same network's gateway stays. */
  async function setGateway(ctx: Context, tx: Tx, router: Router, info: NonNullable<RouterInput['external_gateway_info']>): Promise<Router> {
    const current = router.gatewayPortId === null ? undefined : await ports.find(tx, router.gatewayPortId)
    const networkId = info.network_id ?? current?.networkId
    if (networkId === undefined) throw badRequest('router', 'external_gateway_info has no network_id')
    const enableSnat = info.enable_snat ?? true
    const wantedIps = info.external_fixed_ips?.length ? info.external_fixed_ips : undefined
    if (current && current.networkId === networkId && (!wantedIps || sameIps(current, wantedIps))) return saved(tx, { ...router, enableSnat })
    const network = await visibleNetwork(ctx, tx, networkId, networks.lock)
    if (!network.external) throw badRequest('router', `Network ${networkId} is not an external network`)
    const outside = await subnets.listOn(tx, [networkId])
    for (const port of await ports.listOfDevice(tx, router.id, ROUTER_INTERFACE)) {
      if (outside.some(subnet => port.fixedIps.some(ip => ip.subnetId === subnet.id))) throw badRequest('router', `the router has an interface on network ${networkId} already`)
    }
    const bare = current ? await clearGateway(tx, router, { replacedBy: networkId }) : router
    const placed = await placeRouter(tx, deps, bare, await hostFor(tx, deps, bare, networkId))
    const port = await makePort(tx, deps, network, outside, { projectId: '', deviceOwner: ROUTER_GATEWAY, deviceId: router.id, bindingHost: placed.host ?? '', wantedIps })
    return saved(tx, { ...placed, gatewayPortId: port.id, enableSnat })
  }

  async function saved(tx: Tx, router: Router): Promise<Router> {
    await routers.update(tx, router)
    return router
  }

  async function clearGateway(tx: Tx, router: Router, opts: { replacedBy?: string } = {}): Promise<Router> {
    const port = router.gatewayPortId === null ? undefined : await ports.find(tx, router.gatewayPortId)
    if (!port) return router
    if (port.networkId !== opts.replacedBy) {
      const needed = await floatingIps.listOfRouters(tx, [router.id])
      if (needed.length) {
        throw neutronFault('conflict', 'RouterExternalGatewayInUseByFloatingIp',
          `Gateway cannot be updated for router ${router.id}, since a gateway to external network ${port.networkId} is required by one or more floating IPs: ${needed.slice(0, 5).map(one => `${one.floatingIpAddress} (${one.id})`).join(', ')}.`)
      }
    }
    const bare = await saved(tx, { ...router, gatewayPortId: null, enableSnat: true })
    await dropPort(tx, deps, port)
    return bare
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<RouterWithGateway>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, PLAN, request)
      return { items: await withGateways(tx, rows.map(routers.fromRow)), more }
    }),

    show: (ctx: Context, id: string): Promise<RouterWithGateway> => db.read(async tx => {
      const router = await visibleRouter(ctx, tx, id)
      ctx.authorize(rules.GET_ROUTER, routerTarget(router))
      return (await withGateways(tx, [router]))[0]!
    }),

    create: (ctx: Context, said: readonly Said[]): Promise<RouterWithGateway[]> => db.write(async tx => {
      const made: Router[] = []
      for (const [i, one] of said.entries()) {
        made.push(await once(tx, repeatKey(ctx, i), 'router', async id => {
          ctx.authorize(rules.CREATE_ROUTER, { project_id: projectOf(ctx, one.values) })
          return routers.find(tx, id)
        }, async () => {
          const router = await make(ctx, tx, one)
          await useQuota(tx, deps, router.projectId, 'router', 1)
          return router
        }))
      }
      return withGateways(tx, made)
    }),

    update: (ctx: Context, id: string, { values, given }: Said): Promise<RouterWithGateway> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, id, routers.lock)
      ctx.authorize(rules.UPDATE_ROUTER, routerTarget(router))
      authorizeAttributes(ctx, withParts(given, values), CHANGING, routerTarget(router))
      const info = values.external_gateway_info
      const gated = info === undefined ? router : info === null || Object.keys(info).length === 0 ? await clearGateway(tx, router) : await setGateway(ctx, tx, router, info)
      const routes = values.routes === undefined ? router.routes : values.routes ?? []
      await checkRoutesOf(tx, deps, gated, routes)
      const next = revised(gated, { name: values.name ?? router.name, description: values.description ?? router.description, adminUp: values.admin_state_up ?? router.adminUp, routes }, clock.now())
      await routers.update(tx, next)
      ringAfter(tx, deps, await hostRows.touched(tx, 'router', [id]))
      return (await withGateways(tx, [next]))[0]!
    }),

    remove: (ctx: Context, id: string): Promise<void> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, id, routers.lock)
      ctx.authorize(rules.DELETE_ROUTER, routerTarget(router))
      const interfaces = await ports.listOfDevice(tx, id, ROUTER_INTERFACE)
      if (interfaces.length) throw neutronFault('conflict', 'RouterInUse', `Router ${id} still has ports: ${interfaces.slice(0, 5).map(port => port.id).join(', ')}.`)
      await clearGateway(tx, router)
      await routers.remove(tx, id)
      await idempotency.removeOf(tx, id)
      ringAfter(tx, deps, await hostRows.removed(tx, 'router', id))
      await quotas.use(tx, router.projectId, 'router', -1, defaultLimits(deps.options))
    }),
  }
}

function sameIps(port: Port, wanted: readonly WantedIp[]): boolean {
  return wanted.length === port.fixedIps.length && wanted.every(one => port.fixedIps.some(ip =>
    (one.subnet_id === undefined || one.subnet_id === ip.subnetId) && (one.ip_address === undefined || one.ip_address === ip.address)))
}

function withParts(given: ReadonlySet<string>, { external_gateway_info: info }: RouterInput): ReadonlySet<string> {
  return new Set([...given, ...Object.keys(info ?? {}).map(part => `external_gateway_info:${part}`)])
}

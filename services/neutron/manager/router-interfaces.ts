// A router's interfaces and extra routes: joining subnets, and letting go of them.
import type { Context } from '@alto/kit/context'
import { parsePrefix } from '../model/addresses.ts'
import { badRequest, neutronFault } from '../model/faults.ts'
import { ROUTER_GATEWAY, ROUTER_INTERFACE, type Port } from '../model/ports.ts'
import { routesOver, type ExtraRoute, type Router } from '../model/routers.ts'
import { revised } from '../model/standard.ts'
import { overlapping, type Subnet } from '../model/subnets.ts'
import * as rules from '../policy/routers.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as networks from '../store/networks.ts'
import * as ports from '../store/ports.ts'
import * as quotas from '../store/quotas.ts'
import * as routers from '../store/routers.ts'
import * as subnets from '../store/subnets.ts'
import type { Tx } from '../store/tables.ts'
import { ringAfter, type Deps } from './deps.ts'
import { checkRoutesOf, routerTarget, visibleRouter, withGateways, type RouterWithGateway } from './routers.ts'
import { changePort, dropPort, makePort } from './port-rows.ts'
import { visiblePort } from './ports.ts'
import { visibleSubnet } from './subnets.ts'

/** A router's place on a subnet. */
export interface RouterInterface {
  readonly router: Router
  readonly port: Port
}

/** Which interface is meant. */
export interface InterfaceName {
  readonly subnetId?: string | undefined
  readonly portId?: string | undefined
}

export type RouterInterfaceManager = ReturnType<typeof routerInterfaceManager>

/** The use cases of interfaces and extra routes. */
export function routerInterfaceManager(deps: Deps) {
  const { db, clock } = deps

  async function changed(tx: Tx, router: Router, changes: Partial<Router> = {}): Promise<Router> {
    const next = revised(router, changes, clock.now())
    await routers.update(tx, next)
    if (next.host !== null) await hostRows.wantRouter(tx, next.id, next.host)
    ringAfter(tx, deps, next.host === null ? [] : [next.host])
    return next
  }

  /** Refuses subnets that the router has already, in whole or in part. */
  async function refuseOverlap(tx: Tx, router: Router, joining: readonly Subnet[]): Promise<void> {
    const own = await ports.listOfDevice(tx, router.id, ROUTER_INTERFACE, ROUTER_GATEWAY)
    const near = await subnets.findAll(tx, [...new Set(own.flatMap(port => port.fixedIps.map(ip => ip.subnetId)))])
    for (const subnet of joining) {
      if (near.some(other => other.id === subnet.id)) throw badRequest('router', `Router already has a port on subnet ${subnet.id}`)
      const clash = overlapping(subnet.cidr, near)
      if (clash) throw badRequest('router', `Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${clash.cidr} of subnet ${clash.id}`)
    }
  }

  async function addSubnet(ctx: Context, tx: Tx, router: Router, subnetId: string): Promise<Port> {
    const { subnet, network: seen } = await visibleSubnet(ctx, tx, subnetId)
    if (subnet.gatewayIp === null) throw badRequest('router', 'Subnet for router interface must have a gateway IP')
    await refuseOverlap(tx, router, [subnet])
    const network = (await networks.lock(tx, seen.id))!
    const address = parsePrefix(subnet.cidr).version === 6 && subnet.gatewayIp.startsWith('fe80') ? { subnet_id: subnet.id } : { subnet_id: subnet.id, ip_address: subnet.gatewayIp }
    const port = await makePort(tx, deps, network, [subnet], {
      projectId: router.projectId, deviceOwner: ROUTER_INTERFACE, deviceId: router.id, bindingHost: router.host ?? '', wantedIps: [address],
    })
    await quotas.count(tx, router.projectId, 'port', 1)
    return port
  }

  async function addPort(ctx: Context, tx: Tx, router: Router, portId: string): Promise<Port> {
    const { network, ...port } = await visiblePort(ctx, tx, portId)
    if (port.deviceId !== '' || port.deviceOwner.startsWith('network:')) {
      throw neutronFault('conflict', 'PortInUse', `Unable to complete operation on port ${portId} for network ${network.id}. Port already has an attached device ${port.deviceId || port.deviceOwner}.`)
    }
    if (port.fixedIps.length === 0) throw badRequest('router', 'Router port must have at least one fixed IP')
    await refuseOverlap(tx, router, await subnets.findAll(tx, port.fixedIps.map(ip => ip.subnetId)))
    return changePort(tx, deps, port, {
      deviceId: router.id, deviceOwner: ROUTER_INTERFACE, bindingHost: router.host ?? '', portSecurity: false, securityGroups: [], allowedAddressPairs: [], name: port.name,
    })
  }

  async function interfaceOf(tx: Tx, router: Router, { subnetId, portId }: InterfaceName): Promise<Port> {
    const own = await ports.listOfDevice(tx, router.id, ROUTER_INTERFACE)
    const port = own.find(one => portId !== undefined ? one.id === portId : one.fixedIps.some(ip => ip.subnetId === subnetId))
    if (!port) {
      throw portId !== undefined ? neutronFault('notFound', 'RouterInterfaceNotFound', `Router ${router.id} does not have an interface with id ${portId}`)
        : neutronFault('notFound', 'RouterInterfaceNotFoundForSubnet', `Router ${router.id} has no interface on subnet ${subnetId}`)
    }
    if (portId !== undefined && subnetId !== undefined && !port.fixedIps.some(ip => ip.subnetId === subnetId)) {
      throw neutronFault('conflict', 'SubnetMismatchForPort', `Subnet on port ${portId} does not match the requested subnet ${subnetId}.`)
    }
    return port
  }

  async function refuseNeeded(tx: Tx, router: Router, port: Port): Promise<void> {
    const near = await subnets.findAll(tx, port.fixedIps.map(ip => ip.subnetId))
    for (const subnet of near) {
      if (routesOver(router.routes, subnet.cidr)) throw neutronFault('conflict', 'RouterInterfaceInUseByRoute', `Router interface for subnet ${subnet.id} on router ${router.id} cannot be deleted, as it is required by one or more routes.`)
    }
    const through = await floatingIps.listOfRouters(tx, [router.id])
    const behind = await ports.findAll(tx, through.flatMap(one => one.fixedPortId ?? []))
    for (const one of through) {
      const fixed = behind.find(other => other.id === one.fixedPortId)?.fixedIps.find(ip => ip.address === one.fixedIpAddress)
      if (fixed && near.some(subnet => subnet.id === fixed.subnetId)) {
        throw neutronFault('conflict', 'RouterInterfaceInUseByFloatingIP',
          `Router interface for subnet ${fixed.subnetId} on router ${router.id} cannot be deleted, as it is required by one or more floating IPs: ${one.floatingIpAddress} (${one.id}).`)
      }
    }
  }

  function checkName({ subnetId, portId }: InterfaceName): void {
    if (subnetId === undefined && portId === undefined) throw badRequest('router', 'Either subnet_id or port_id must be specified')
  }

  return {
    add: (ctx: Context, routerId: string, name: InterfaceName): Promise<RouterInterface> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, routerId, routers.lock)
      ctx.authorize(rules.ADD_ROUTER_INTERFACE, routerTarget(router))
      checkName(name)
      if (name.subnetId !== undefined && name.portId !== undefined) throw badRequest('router', 'Cannot specify both subnet-id and port-id')
      const port = name.portId !== undefined ? await addPort(ctx, tx, router, name.portId) : await addSubnet(ctx, tx, router, name.subnetId!)
      return { router: await changed(tx, router), port }
    }),

    remove: (ctx: Context, routerId: string, name: InterfaceName): Promise<RouterInterface> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, routerId, routers.lock)
      ctx.authorize(rules.REMOVE_ROUTER_INTERFACE, routerTarget(router))
      checkName(name)
      const port = await interfaceOf(tx, router, name)
      await refuseNeeded(tx, router, port)
      await dropPort(tx, deps, port)
      await quotas.count(tx, port.projectId, 'port', -1)
      return { router: await changed(tx, router), port }
    }),

    addRoutes: (ctx: Context, routerId: string, routes: readonly ExtraRoute[]): Promise<RouterWithGateway> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, routerId, routers.lock)
      ctx.authorize(rules.ADD_EXTRAROUTES, routerTarget(router))
      const all = new Map([...router.routes, ...routes].map(route => [`${route.destination} ${route.nexthop}`, route]))
      await checkRoutesOf(tx, deps, router, [...all.values()])
      return (await withGateways(tx, [await changed(tx, router, { routes: [...all.values()] })]))[0]!
    }),

    removeRoutes: (ctx: Context, routerId: string, routes: readonly ExtraRoute[]): Promise<RouterWithGateway> => db.write(async tx => {
      const router = await visibleRouter(ctx, tx, routerId, routers.lock)
      ctx.authorize(rules.REMOVE_EXTRAROUTES, routerTarget(router))
      const rest = router.routes.filter(route => !routes.some(other => other.destination === route.destination && other.nexthop === route.nexthop))
      return (await withGateways(tx, [await changed(tx, router, { routes: rest })]))[0]!
    }),
  }
}

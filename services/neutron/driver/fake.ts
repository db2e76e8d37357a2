// Networks that exist in memory only: the same answers and the same inventory as a real host's, no root, nothing to clean.
import { Fault } from '@alto/kit/errors'
import { bridgeOf, dhcpNamespaceOf, markOf, routerNamespaceOf, tapOf, tunnelLinkOf } from '../model/names.ts'
import type { BridgePlan, DhcpPlan, PortPlan, RouterPlan } from '../model/plans.ts'
import type { MarkedThing, NetworkDriver } from './network.ts'

/** How a fake host behaves. */
export interface FakeNetworkOptions {
  readonly cloud: string
  readonly hostName: string
  /** Where tunnels would end; none: no VXLAN. */
  readonly tunnelAddress?: string
  /** Makes a call fail with what it returns: for tests and failure injection. `id` is the network's, port's or router's. */
  readonly refuse?: (call: keyof NetworkDriver, id: string) => Error | undefined
}

/** A fake host, and what was made on it. */
export interface FakeNetwork extends NetworkDriver {
  readonly bridges: ReadonlyMap<string, BridgePlan>
  readonly ports: ReadonlyMap<string, PortPlan>
  readonly dhcp: ReadonlyMap<string, DhcpPlan>
  readonly routers: ReadonlyMap<string, RouterPlan>
  /** The network's DHCP dies by itself. */
  dhcpDies(networkId: string): void
}

/** A host whose networks are only told of. */
export function fakeNetwork(options: FakeNetworkOptions): FakeNetwork {
  const bridges = new Map<string, BridgePlan>()
  const ports = new Map<string, PortPlan>()
  const dhcp = new Map<string, DhcpPlan>()
  const routers = new Map<string, RouterPlan>()
  const dead = new Set<string>()
  const netns = markOf({ cloud: options.cloud, host: options.hostName })

  function begin(call: keyof NetworkDriver, id: string, networks: readonly string[] = []): void {
    const refusal = options.refuse?.(call, id)
    if (refusal) throw refusal
    const missing = networks.find(network => !bridges.has(network))
    if (missing !== undefined) throw new Fault('unavailable', 'host.commandFailed', `Cannot find device "${bridgeOf(missing)}"`)
  }

  return {
    bridges, ports, dhcp, routers,
    kind: 'fake',
    segments: options.tunnelAddress === undefined ? ['local', 'external'] : ['local', 'vxlan', 'external'],
    ...(options.tunnelAddress !== undefined && { tunnelAddress: options.tunnelAddress }),
    takenPrefixes: async () => [],
    async applyBridge(plan) {
      begin('applyBridge', plan.networkId)
      bridges.set(plan.networkId, plan)
    },
    async applyPorts(plans) {
      for (const plan of plans) begin('applyPorts', plan.portId, [plan.networkId])
      for (const plan of plans) ports.set(plan.portId, plan)
    },
    async applyDhcp(plan) {
      begin('applyDhcp', plan.networkId, [plan.networkId])
      dhcp.set(plan.networkId, plan)
      dead.delete(plan.networkId)
    },
    async applyRouter(plan) {
      begin('applyRouter', plan.routerId, [...plan.interfaces, ...(plan.gateway ? [plan.gateway.link] : [])].map(link => link.networkId))
      routers.set(plan.routerId, plan)
    },
    async removePort(portId) {
      begin('removePort', portId)
      ports.delete(portId)
    },
    async removeDhcp(networkId) {
      begin('removeDhcp', networkId)
      dead.delete(networkId)
      dhcp.delete(networkId)
    },
    async removeRouter(routerId) {
      begin('removeRouter', routerId)
      routers.delete(routerId)
    },
    async removeBridge(networkId) {
      begin('removeBridge', networkId)
      dead.delete(networkId)
      dhcp.delete(networkId)
      bridges.delete(networkId)
    },
    ailing: async () => [...dead],
    dhcpDies(networkId) {
      if (dhcp.delete(networkId)) dead.add(networkId)
    },
    async inventory() {
      const inner = [...[...dhcp.values()].map(plan => plan.link), ...[...routers.values()].flatMap(r => [...r.interfaces, ...(r.gateway ? [r.gateway.link] : [])])]
      const link = (name: string, kind: 'network' | 'port', id: string): MarkedThing => ({ kind: 'link', place: netns, name, belongsTo: { kind, id: id.slice(0, 11) } })
      const namespace = (name: string, belongsTo: MarkedThing['belongsTo']): MarkedThing => ({ kind: 'namespace', place: '', name, belongsTo })
      return [
        namespace(netns, { kind: 'cloud' }),
        ...[...dhcp.keys()].map(id => namespace(dhcpNamespaceOf(id), { kind: 'network', id })),
        ...[...routers.keys()].map(id => namespace(routerNamespaceOf(id), { kind: 'router', id })),
        ...[...bridges.keys()].map(id => link(bridgeOf(id), 'network', id)),
        ...[...bridges.values()].filter(plan => plan.segment.kind === 'vxlan').map(plan => link(tunnelLinkOf(plan.networkId), 'network', plan.networkId)),
        ...[...ports.keys(), ...inner.map(l => l.portId)].map(id => link(tapOf(id), 'port', id)),
      ]
    },
    close: async () => {},
  }
}

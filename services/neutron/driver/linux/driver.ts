// Networks made of what every Linux kernel has: bridges, taps, veths, nftables, dnsmasq, all in namespaces of the cloud's own.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { endProcess, listNamespaces, processesWith } from '@alto/kit/host'
import { tunnelLinkOf } from '../../model/names.ts'
import type { MetadataListener, NetworkDriver } from '../network.ts'
import { Bridges } from './bridges.ts'
import { closeNamespace, contextOf, GONE, openNamespace, type LinuxOptions } from './context.ts'
import { DhcpServers } from './dhcp.ts'
import { Filters } from './filters.ts'
import { inventory } from './inventory.ts'
import { MetadataListeners } from './metadata.ts'
import { applyPorts, removePort } from './ports.ts'
import { MachineRules } from './machine-rules.ts'
import { Routers } from './routers.ts'
import { canTunnel, Tunnels } from './tunnels.ts'

// Connections that we did not see begin are strangers: else a guest that goes on talking would reopen what a revoked rule closed.
const SETTINGS = {
  0: ['net/netfilter/nf_conntrack_tcp_loose'],
  1: ['net/ipv6/conf/all/disable_ipv6', 'net/ipv6/conf/default/disable_ipv6', 'net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables'],
}

/**
 * The `linux` driver; makes the cloud's namespace on this host if need be. `metadata` gets what guests ask of 169.254.169.254.
 * Throws Fault('unavailable', 'host.commandFailed') when the machine does not let us: not root, or a kernel without the parts;
 * Fault('badRequest', 'neutron.tunnel.address') for a tunnel address that is no IPv4 address.
 */
export async function linuxNetwork(options: LinuxOptions, metadata: MetadataListener): Promise<NetworkDriver> {
  const context = contextOf(options)
  await openNamespace(context, context.netns, SETTINGS)
  const filters = new Filters(context)
  const listeners = new MetadataListeners(metadata)
  const machine = new MachineRules(context)
  const tunnels = new Tunnels(context, machine)
  await tunnels.recall()
  const bridges = new Bridges(context, filters, machine, tunnels)
  await bridges.recall()
  const dhcp = new DhcpServers(context, filters, listeners)
  const routers = new Routers(context, filters, listeners)
  return {
    kind: 'linux',
    ...(await canTunnel(context) ? { segments: ['local', 'vxlan', 'external'], tunnelAddress: context.tunnelAddress! } : { segments: ['local', 'external'] }),
    takenPrefixes: () => bridges.takenPrefixes(),
    applyBridge: plan => bridges.apply(plan),
    applyPorts: plans => applyPorts(context, filters, plans),
    applyDhcp: plan => dhcp.apply(plan),
    applyRouter: plan => routers.apply(plan),
    removePort: portId => removePort(context, filters, portId),
    removeDhcp: networkId => dhcp.remove(networkId),
    removeRouter: routerId => routers.remove(routerId),
    async removeBridge(networkId) {
      await dhcp.remove(networkId)
      await bridges.remove(networkId)
    },
    ailing: () => dhcp.ailing(),
    inventory: () => inventory(context),
    close: () => listeners.closeAll(),
  }
}

/** Takes away what the cloud has on this host once its rows are gone: the namespace, the machine's table, the run directory's part. For `reset` and tests. */
export async function eraseLinuxNetwork(options: LinuxOptions): Promise<void> {
  const context = contextOf(options)
  for (const daemon of await processesWith(join(context.runDirectory, 'dhcp/'))) await endProcess(daemon, context.clock)
  for (const found of await inventory(context)) {
    if (found.kind === 'namespace' && found.name !== context.netns) await closeNamespace(context, found.name)
    const heldOutside = found.kind === 'link' && (found.place === '' || found.name.startsWith(tunnelLinkOf('')))       // a tunnel's number is taken until its link is gone, which takes a namespace some time
    if (heldOutside) await context.commands.ip(found.place, [`link delete dev ${found.name}`], { tolerate: GONE })
    if (found.kind === 'table') await context.commands.nft('', [`delete table ${found.name}`])
  }
  if ((await listNamespaces()).includes(context.netns)) await closeNamespace(context, context.netns)
  await rm(join(context.runDirectory, 'dhcp'), { recursive: true, force: true })
}

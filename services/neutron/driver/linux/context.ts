// What the parts of the `linux` driver share: where they work, and small moves on namespaces and kernel settings.
import { addNamespace, namespaceOf, removeNamespace, type Host, type NamespaceCommands } from '@alto/kit/host'
import type { Clock } from '@alto/kit/clock'
import type { Log } from '@alto/kit/log'
import { markOf } from '../../model/names.ts'

/** What the driver is made from. */
export interface LinuxOptions {
  /** The cloud's id: 8 hexadecimal digits. */
  readonly cloud: string
  /** This host's name within the cloud. */
  readonly hostName: string
  /** Where pidfiles, reservations and leases are kept; ours alone, absolute, short. */
  readonly runDirectory: string
  /** IPv4, held by the machine: where other hosts' tunnels reach this one. None: networks stay on this host. */
  readonly tunnelAddress?: string
  readonly host: Host
  readonly commands: NamespaceCommands
  readonly clock: Clock
  readonly log: Log
}

/** The options with what follows from them. */
export interface Context extends LinuxOptions {
  /** The namespace of bridges and taps. */
  readonly netns: string
  /** Alias of links and name of tables. */
  readonly mark: string
  /** Namespaces that this process has opened: their settings are made. */
  readonly opened: Set<string>
}

/** Alias of the bridge end of a link of our own (DHCP, router, way out): it is not filtered. */
export const TRUSTED = ' trusted'

/** Words of iproute2 for what is there already, or gone already. */
export const THERE = /File exists|Device or resource busy/
export const GONE = /Cannot find device|No such|does not exist/

/** The context of these options. */
export function contextOf(options: LinuxOptions): Context {
  const where = { cloud: options.cloud, host: options.hostName }
  return { ...options, netns: namespaceOf(where), mark: markOf(where), opened: new Set() }
}

/** Makes the namespace if need be, marks its loopback with ours, and gives the kernel these settings (paths under /proc/sys by value). */
export async function openNamespace(context: Context, netns: string, settings: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const made = await addNamespace(context.host, netns)
  if (!made && context.opened.has(netns)) return
  await context.commands.ip(netns, [`link set dev lo alias ${context.mark} up`])
  for (const [value, paths] of Object.entries(settings)) {
    await context.host.run(['tee', ...paths.map(path => `/proc/sys/${path}`)], { netns, input: value })
  }
  context.opened.add(netns)
}

/** Takes the namespace away, with all links in it. */
export async function closeNamespace(context: Context, netns: string): Promise<void> {
  context.opened.delete(netns)
  await context.commands.release(netns)
  await removeNamespace(context.host, netns)
}

/** A link of ours from a network's bridge into a namespace, by its names. */
export interface InnerLink {
  readonly tap: string
  readonly bridge: string
  readonly netns: string
  readonly link: string
  readonly mac: string
  readonly mtu: number
}

/** Makes the links, both ends up, the bridge ends plugged in. */
export async function makeInnerLinks(context: Context, links: readonly InnerLink[]): Promise<void> {
  const netns = links[0]?.netns
  if (netns === undefined) return
  await context.commands.ip(context.netns, links.flatMap(l => [
    `link add name ${l.tap} mtu ${l.mtu} type veth peer name ${l.link} mtu ${l.mtu} address ${l.mac} netns ${l.netns}`,
    `link set dev ${l.tap} alias "${context.mark}${TRUSTED}" mtu ${l.mtu} master ${l.bridge} up`,
  ]), { tolerate: THERE })
  await context.commands.ip(netns, links.map(l => `link set dev ${l.link} alias ${context.mark} address ${l.mac} mtu ${l.mtu} up`))
}

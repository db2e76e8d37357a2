// DHCP, names and metadata of a network: a namespace `qdhcp-ID` with a port of the network, dnsmasq in it, and a metadata listener.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { daemonOf, endProcess, listNamespaces, readAddresses, signal } from '@alto/kit/host'
import {
  dnsmasqArguments, dnsmasqHosts, dnsmasqNames, dnsmasqOptions, METADATA_ADDRESS, withoutStaleLeases, type DnsmasqPaths,
} from '../../model/dnsmasq.ts'
import { bridgeOf, dhcpLinkOf, dhcpNamespaceOf, tapOf } from '../../model/names.ts'
import type { DhcpPlan } from '../../model/plans.ts'
import { closeNamespace, GONE, makeInnerLinks, openNamespace, type Context } from './context.ts'
import type { Filters } from './filters.ts'
import type { MetadataListeners } from './metadata.ts'

/** DHCP on one host. */
export class DhcpServers {
  readonly #context: Context
  readonly #filters: Filters
  readonly #metadata: MetadataListeners
  readonly #wired = new Map<string, string>()                   // network -> the link as it was last made, to make it once only

  readonly #served = new Set<string>()

  constructor(context: Context, filters: Filters, metadata: MetadataListeners) {
    this.#context = context
    this.#filters = filters
    this.#metadata = metadata
  }

  async apply(plan: DhcpPlan): Promise<void> {
    const wiring = JSON.stringify(plan.link)
    if (this.#wired.get(plan.networkId) !== wiring) {
      await this.#wire(plan)
      this.#wired.set(plan.networkId, wiring)
    }
    this.#served.delete(plan.networkId)                         // it may be restarted now
    await this.#serve(plan)
    this.#served.add(plan.networkId)
    await this.#metadata.open(dhcpNamespaceOf(plan.networkId), { networkId: plan.networkId })
  }

  /** Networks whose dnsmasq was started and runs no more. */
  async ailing(): Promise<string[]> {
    const daemons = await Promise.all([...this.#served].map(async networkId => ({ networkId, daemon: await daemonOf(this.#paths(networkId).pid) })))
    return daemons.filter(({ networkId, daemon }) => !daemon && this.#served.has(networkId)).map(({ networkId }) => networkId)
  }

  async remove(networkId: string): Promise<void> {
    this.#served.delete(networkId)
    const netns = dhcpNamespaceOf(networkId)
    await this.#metadata.close(netns)
    const daemon = await daemonOf(this.#paths(networkId).pid)
    if (daemon) await endProcess(daemon, this.#context.clock)
    if ((await listNamespaces()).includes(netns)) {
      await this.#unplug(netns, [...(await readAddresses(this.#context.host, netns)).keys()])
      await closeNamespace(this.#context, netns)
    }
    await rm(this.#directory(networkId), { recursive: true, force: true })
    this.#wired.delete(networkId)
  }

  async #wire({ networkId, link }: DhcpPlan): Promise<void> {
    const netns = dhcpNamespaceOf(networkId)
    const name = dhcpLinkOf(link.portId)
    await openNamespace(this.#context, netns, { 0: ['net/ipv6/conf/default/accept_ra', 'net/ipv6/conf/default/accept_dad'] })
    await this.#filters.load([{ tap: tapOf(link.portId), bridge: bridgeOf(networkId) }])
    await makeInnerLinks(this.#context, [{ tap: tapOf(link.portId), bridge: bridgeOf(networkId), netns, link: name, mac: link.mac, mtu: link.mtu }])
    const wanted = [...link.addresses, `${METADATA_ADDRESS}/32`]
    const addresses = await readAddresses(this.#context.host, netns)
    const there = addresses.get(name) ?? []
    await this.#unplug(netns, [...addresses.keys()].filter(other => other !== name))
    await this.#context.commands.ip(netns, [
      ...there.filter(address => !wanted.includes(address)).map(address => `address delete ${address} dev ${name}`),
      ...wanted.map(address => `address replace ${address} dev ${name}`),
    ])
    const table = `inet ${this.#context.mark}`
    await this.#context.commands.nft(netns, [
      `add table ${table}`, `delete table ${table}`, `add table ${table}`,
      `add chain ${table} input { type filter hook input priority 0; policy drop; }`,
      `add rule ${table} input iifname lo accept`, `add rule ${table} input ct state established,related accept`,
      `add rule ${table} input udp dport { 53, 67 } accept`, `add rule ${table} input tcp dport 53 accept`,
      `add rule ${table} input ip daddr ${METADATA_ADDRESS} tcp dport 80 accept`, `add rule ${table} input meta l4proto { icmp, ipv6-icmp } accept`,
    ])
  }

  async #unplug(netns: string, names: readonly string[]): Promise<void> {
    const links = names.filter(name => name.startsWith('ns-'))
    await this.#context.commands.ip(netns, links.map(name => `link delete dev ${name}`), { tolerate: GONE })       // its tap goes with it
    for (const name of links) await this.#filters.unload(`tap${name.slice(3)}`)
  }

  async #serve(plan: DhcpPlan): Promise<void> {
    const paths = this.#paths(plan.networkId)
    const argv = dnsmasqArguments(plan, paths)
    await mkdir(this.#directory(plan.networkId), { recursive: true, mode: 0o700 })
    const changed = [
      await replaceFile(paths.hosts, dnsmasqHosts(plan)), await replaceFile(paths.options, dnsmasqOptions(plan)), await replaceFile(paths.names, dnsmasqNames(plan)),
    ].includes(true)
    const started = await contents(this.#startedWith(plan.networkId))
    const leases = withoutStaleLeases(await contents(paths.leases), plan)
    const daemon = await daemonOf(paths.pid)
    if (daemon && started === JSON.stringify(argv) && leases === undefined) {
      if (changed) await signal(daemon, 'SIGHUP')
      return
    }
    if (daemon) await endProcess(daemon, this.#context.clock)
    if (leases !== undefined) await replaceFile(paths.leases, leases)
    await replaceFile(this.#startedWith(plan.networkId), JSON.stringify(argv))
    await this.#context.host.run(argv, { netns: dhcpNamespaceOf(plan.networkId) })
  }

  #directory(networkId: string): string {
    return join(this.#context.runDirectory, 'dhcp', networkId)
  }

  #startedWith(networkId: string): string {
    return join(this.#directory(networkId), 'arguments')
  }

  #paths(networkId: string): DnsmasqPaths {
    const at = (name: string) => join(this.#directory(networkId), name)
    return { pid: at('pid'), hosts: at('hosts'), options: at('options'), names: at('names'), leases: at('leases') }
  }
}

async function contents(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

async function replaceFile(path: string, text: string): Promise<boolean> {
  if (await contents(path) === text && text !== '') return false
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
  return true
}

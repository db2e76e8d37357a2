// Networks between hosts: a VXLAN link on the network's bridge, and what it sends where (model/tunnels.ts).
// The link is made by a command in the machine's namespace for the cloud's namespace, in one step: frames stay in the cloud's, tunnelled packets are the
// machine's. Before the link is there, the machine drops tunnelled packets from hosts that are no peers (machine-rules.ts).
import { Fault } from '@alto/kit/errors'
import { formatAddress, tryAddress } from '../../model/addresses.ts'
import { bridgeOf, tunnelLinkOf } from '../../model/names.ts'
import { VXLAN_OVERHEAD } from '../../model/networks.ts'
import type { TunnelPlan } from '../../model/plans.ts'
import { entriesSeen, forwardingChanges, forwardingEntries, peersIn, VXLAN_PORT, type ForwardingEntry } from '../../model/tunnels.ts'
import { GONE, THERE, type Context } from './context.ts'
import type { MachineRules } from './machine-rules.ts'

/** A link that is there: what it was made with; the MTU that was found to fit, and its entries, when they are known for sure. */
interface Link {
  readonly vni: number
  readonly address: string
  fits?: number
  entries?: ReadonlySet<ForwardingEntry>
}

const PROBE = 'vx-probe'

/** True when this host has a tunnel address and its kernel makes VXLAN links. Throws Fault('badRequest', 'neutron.tunnel.address') for no IPv4 address. */
export async function canTunnel({ tunnelAddress, host, netns, log }: Context): Promise<boolean> {
  if (tunnelAddress === undefined) return false
  const address = tryAddress(tunnelAddress)
  if (address?.version !== 4 || formatAddress(address) !== tunnelAddress) throw new Fault('badRequest', 'neutron.tunnel.address', `the tunnel address '${tunnelAddress}' is not an IPv4 address`)
  const { code, stderr } = await host.run(['ip', 'link', 'add', 'name', PROBE, 'type', 'vxlan', 'id', '1', 'dstport', String(VXLAN_PORT)], { netns, accept: [0, 2] })
  if (code !== 0 && !THERE.test(stderr)) {
    log.warn({ reason: stderr.trim() }, 'the kernel makes no VXLAN links (module vxlan): networks stay on this host')
    return false
  }
  await host.run(['ip', 'link', 'delete', 'dev', PROBE], { netns })
  return true
}

/** The tunnels of one host. */
export class Tunnels {
  readonly #context: Context
  readonly #machine: MachineRules
  readonly #links = new Map<string, Link>()

  constructor(context: Context, machine: MachineRules) {
    this.#context = context
    this.#machine = machine
  }

  /** Looks at what an earlier process made, so that nothing is interrupted; without a tunnel address it goes, for nothing would guard it. */
  async recall(): Promise<void> {
    type Raw = { ifname?: string, linkinfo?: { info_data?: { id?: number, local?: string } } }
    const { stdout } = await this.#context.host.run(['ip', '-json', '-details', 'link', 'show', 'type', 'vxlan'], { netns: this.#context.netns })
    const entries = await this.#readEntries()
    for (const { ifname, linkinfo } of JSON.parse(stdout || '[]') as Raw[]) {
      if (ifname === undefined || ifname === PROBE) continue
      const own = entries.get(ifname) ?? new Set()
      this.#links.set(ifname, { vni: linkinfo?.info_data?.id ?? 0, address: linkinfo?.info_data?.local ?? '', entries: own })
      if (this.#context.tunnelAddress === undefined) await this.#delete(ifname)
      else this.#machine.recallPeers(ifname, peersIn(own))
    }
  }

  /** Makes the network's tunnels so; its bridge is there. */
  async apply(networkId: string, mtu: number, plan: TunnelPlan & { vni: number }): Promise<void> {
    const { tunnelAddress: address, commands, netns, mark } = this.#context
    if (address === undefined) throw new Fault('conflict', 'neutron.tunnel.address', 'this host has no tunnel address, so it cannot have networks of type vxlan')
    const name = tunnelLinkOf(networkId)
    const wanted = forwardingEntries(plan)
    if (this.#links.get(name)?.fits !== mtu) await this.#checkUnderlay(address, mtu)
    await this.#machine.setPeers(name, peersIn(wanted))
    let link = this.#links.get(name)
    if (link && (link.vni !== plan.vni || link.address !== address)) {
      await this.#delete(name)
      link = undefined
    }
    if (!link) {
      await commands.ip('', [`link add name ${name} netns ${netns} type vxlan id ${plan.vni} local ${address} dstport ${VXLAN_PORT} nolearning`], { tolerate: THERE })
      link = { vni: plan.vni, address }
      this.#links.set(name, link)
    }
    await commands.ip(netns, [`link set dev ${name} alias ${mark} mtu ${mtu} master ${bridgeOf(networkId)}`, `link set dev ${name} type bridge_slave learning off`, `link set dev ${name} up`])
    link.fits = mtu
    await this.#forward(name, link, wanted)
  }

  /** Takes the network's tunnels away, if it has any; then the machine hears its peers no longer. */
  async remove(networkId: string): Promise<void> {
    const name = tunnelLinkOf(networkId)
    if (!this.#links.has(name)) return
    await this.#delete(name)
    await this.#machine.setPeers(name, undefined)
  }

  async #delete(name: string): Promise<void> {
    await this.#context.commands.ip(this.#context.netns, [`link delete dev ${name}`], { tolerate: GONE })
    this.#links.delete(name)
  }

  async #forward(name: string, link: Link, wanted: ReadonlySet<ForwardingEntry>): Promise<void> {
    const before = link.entries ?? (await this.#readEntries()).get(name) ?? new Set()
    const lines = forwardingChanges(name, before, wanted)
    delete link.entries                                                     // until we know how it went
    if (lines.length) {
      const { stderr } = await this.#context.host.run(['bridge', '-force', '-batch', '-'], { netns: this.#context.netns, input: `${lines.join('\n')}\n`, accept: [0, 1] })
      const failed = [...stderr.matchAll(/^(?:RTNETLINK answers: |Error: )?(.*)\nCommand failed -:(\d+)$/gm)].find(([, words, n]) => !(lines[Number(n) - 1]!.startsWith('fdb delete') && GONE.test(words!)))
      if (failed) throw new Fault('unavailable', 'host.commandFailed', `bridge: ${lines[Number(failed[2]) - 1]}: ${failed[1]}`)
    }
    link.entries = wanted
  }

  async #readEntries(): Promise<Map<string, Set<ForwardingEntry>>> {
    const { stdout } = await this.#context.host.run(['bridge', '-json', 'fdb', 'show'], { netns: this.#context.netns })
    return entriesSeen(JSON.parse(stdout || '[]') as { mac: string, ifname: string, dst?: string, state?: string }[])
  }

  async #checkUnderlay(address: string, mtu: number): Promise<void> {
    type Raw = { ifname?: string, mtu?: number }
    const { stdout } = await this.#context.host.run(['ip', '-json', 'address', 'show', 'to', address])
    const under = (JSON.parse(stdout || '[]') as Raw[]).find(row => row.ifname !== undefined)
    if (!under) throw new Fault('conflict', 'neutron.tunnel.address', `this host has no interface with its tunnel address ${address}`)
    const most = under.mtu! - VXLAN_OVERHEAD
    if (mtu > most) throw new Fault('conflict', 'neutron.tunnel.mtu', `the network's MTU of ${mtu} does not fit this host's tunnels: ${under.ifname} (${address}) carries networks of at most ${most}`)
  }
}

// Networks' bridges in the cloud's namespace, their tunnels (tunnels.ts), and for external networks the way out: one veth to the machine, which holds the gateway addresses.
import { readAddresses, readLinks } from '@alto/kit/host'
import { Fault } from '@alto/kit/errors'
import { formatPrefix, overlaps, parsePrefix, tryPrefix } from '../../model/addresses.ts'
import { bridgeOf, machineLinkOf, uplinkOf } from '../../model/names.ts'
import type { BridgePlan } from '../../model/plans.ts'
import { GONE, THERE, TRUSTED, type Context } from './context.ts'
import type { Filters } from './filters.ts'
import type { MachineRules } from './machine-rules.ts'
import type { Tunnels } from './tunnels.ts'

/** In the alias of a way out, after the mark: what it is open to. */
const [INTERNET, ROUTED] = ['internet', 'routed']

/** The bridges of one host. */
export class Bridges {
  readonly #context: Context
  readonly #filters: Filters
  readonly #machine: MachineRules
  readonly #tunnels: Tunnels

  constructor(context: Context, filters: Filters, machine: MachineRules, tunnels: Tunnels) {
    this.#context = context
    this.#filters = filters
    this.#machine = machine
    this.#tunnels = tunnels
  }

  /** Looks at the ways out that an earlier process made, so that what is written about one keeps the others. */
  async recall(): Promise<void> {
    const { mark, cloud, host } = this.#context
    const held = await readAddresses(host, '')
    for (const { ifname, ifalias = '' } of await readLinks(host, '')) {
      const [owner, ...ways] = ifalias.split(' ')
      if (owner !== mark || !ifname.startsWith(machineLinkOf(cloud, ''))) continue
      const prefixes = (held.get(ifname) ?? []).map(address => formatPrefix(parsePrefix(address)))
      this.#machine.recallUplink(ifname, { prefixes, internet: ways.includes(INTERNET), routed: ways.includes(ROUTED) })
    }
  }

  async apply({ networkId, mtu, segment }: BridgePlan): Promise<void> {
    if (segment.kind === 'external') await this.#refuseTaken(networkId, segment.gateways)
    const bridge = bridgeOf(networkId)
    await this.#context.commands.ip(this.#context.netns, [
      `link add name ${bridge} type bridge`,
      `link set dev ${bridge} alias ${this.#context.mark} mtu ${mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set dev ${bridge} up`,
    ], { tolerate: THERE })
    await this.#filters.openZone(bridge)
    if (segment.kind === 'external') await this.#leadOut(networkId, mtu, segment)
    else if (this.#machine.hasUplink(machineLinkOf(this.#context.cloud, networkId))) await this.#closeOff(networkId)
    if (segment.kind === 'vxlan') await this.#tunnels.apply(networkId, mtu, segment)
    else await this.#tunnels.remove(networkId)
  }

  async remove(networkId: string): Promise<void> {
    await this.#closeOff(networkId)
    await this.#tunnels.remove(networkId)
    await this.#filters.closeZone(bridgeOf(networkId))
    await this.#context.commands.ip(this.#context.netns, [`link delete dev ${bridgeOf(networkId)}`], { tolerate: GONE })
  }

  /** Prefixes of the machine's own routes, but for those by our ways out and the default route. */
  async takenPrefixes(): Promise<string[]> {
    const ours = (await readLinks(this.#context.host, '')).filter(l => l.ifalias?.split(' ')[0] === this.#context.mark)
    return this.#routedBut(new Set(ours.map(l => l.ifname)))
  }

  async #routedBut(links: ReadonlySet<string>): Promise<string[]> {
    const { stdout } = await this.#context.host.run(['ip', '-json', 'route', 'show'])
    return (JSON.parse(stdout || '[]') as { dst?: string, dev?: string }[]).flatMap(route => {
      const prefix = route.dst !== undefined && !links.has(route.dev ?? '') ? tryPrefix(route.dst) : undefined
      return prefix ? [formatPrefix(prefix)] : []
    })
  }

  async #leadOut(networkId: string, mtu: number, segment: BridgePlan['segment'] & { kind: 'external' }): Promise<void> {
    const { commands, netns, mark, cloud, host } = this.#context
    const [inside, outside] = [uplinkOf(networkId), machineLinkOf(cloud, networkId)]
    const prefixes = segment.gateways.map(gateway => formatPrefix(parsePrefix(gateway)))
    const { internet, routed } = segment
    const setting = (path: string, value: '0' | '1') => host.run(['tee', `/proc/sys/net/${path}`], { input: value })
    await this.#machine.setUplink(outside, { prefixes, internet, routed })                                  // before the way out is there
    await commands.ip('', [`link add name ${outside} mtu ${mtu} type veth peer name ${inside} mtu ${mtu} netns ${netns}`], { tolerate: THERE })
    await commands.ip(netns, [`link set dev ${inside} alias "${mark}${TRUSTED}" mtu ${mtu} master ${bridgeOf(networkId)} up`])
    await commands.ip('', [`link set dev ${outside} alias "${[mark, ...internet ? [INTERNET] : [], ...routed ? [ROUTED] : []].join(' ')}" mtu ${mtu}`])
    await setting(`ipv6/conf/${outside}/disable_ipv6`, segment.gateways.some(g => g.includes(':')) ? '0' : '1')
    await setting(`ipv4/conf/${outside}/arp_ignore`, '1')                   // the machine's other addresses are nobody's business there
    await commands.ip('', [`link set dev ${outside} up`, ...segment.gateways.map(gateway => `address replace ${gateway} dev ${outside}`)])
    if (internet || routed) await setting('ipv4/ip_forward', '1')
  }

  async #refuseTaken(networkId: string, gateways: readonly string[]): Promise<void> {
    const prefixes = gateways.map(parsePrefix)
    const taken = (await this.#routedBut(new Set([machineLinkOf(this.#context.cloud, networkId)]))).find(text => prefixes.some(prefix => overlaps(prefix, parsePrefix(text))))
    if (taken === undefined) return
    throw new Fault('conflict', 'neutron.external.prefixTaken', `${prefixes.map(formatPrefix).join(', ')} cannot lead out: the machine already routes ${taken}`)
  }

  async #closeOff(networkId: string): Promise<void> {
    await this.#context.commands.ip(this.#context.netns, [`link delete dev ${uplinkOf(networkId)}`], { tolerate: GONE })
    await this.#machine.setUplink(machineLinkOf(this.#context.cloud, networkId), undefined)
  }
}

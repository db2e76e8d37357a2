// Routers: a namespace `qrouter-ID` with an end of every inner network and of the external one, NAT by nftables, and a metadata listener.
import { listNamespaces, readAddresses } from '@alto/kit/host'
import { METADATA_ADDRESS } from '../../model/dnsmasq.ts'
import { bridgeOf, gatewayLinkOf, machineLinkOf, routerLinkOf, routerNamespaceOf, tapOf } from '../../model/names.ts'
import type { LinkPlan, RouterPlan } from '../../model/plans.ts'
import { routerCommands } from '../../model/router-rules.ts'
import { closeNamespace, GONE, makeInnerLinks, openNamespace, type Context } from './context.ts'
import type { Filters } from './filters.ts'
import type { MetadataListeners } from './metadata.ts'

const SETTINGS = {
  0: ['net/ipv6/conf/default/accept_ra', 'net/ipv6/conf/default/accept_dad', 'net/ipv4/conf/all/send_redirects', 'net/ipv4/conf/default/send_redirects'],
  1: ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/all/arp_ignore'],
}

/** Routers on one host. */
export class Routers {
  readonly #context: Context
  readonly #filters: Filters
  readonly #metadata: MetadataListeners
  readonly #floating = new Map<string, RouterPlan['floatingIps']>()

  constructor(context: Context, filters: Filters, metadata: MetadataListeners) {
    this.#context = context
    this.#filters = filters
    this.#metadata = metadata
  }

  async apply(plan: RouterPlan): Promise<void> {
    const netns = routerNamespaceOf(plan.routerId)
    const { commands, host, mark } = this.#context
    await openNamespace(this.#context, netns, SETTINGS)
    await commands.nft(netns, routerCommands(mark, plan))                  // before any link: nothing passes unfiltered
    const links = [
      ...plan.interfaces.map(link => ({ ...link, name: routerLinkOf(link.portId), addresses: [...link.addresses] })),
      ...(plan.gateway ? [{ ...plan.gateway.link, name: gatewayLinkOf(plan.gateway.link.portId), addresses: [...plan.gateway.link.addresses, ...plan.floatingIps.map(ip => `${ip.address}/32`)] }] : []),
    ]
    const there = await readAddresses(host, netns)
    await this.#drop(netns, [...there.keys()].filter(name => /^q[rg]-/.test(name) && !links.some(link => link.name === name)))
    await this.#plug(netns, links)
    await commands.ip(netns, [
      `address replace ${METADATA_ADDRESS}/32 dev lo`,
      ...links.flatMap(link => [
        ...(there.get(link.name) ?? []).filter(address => !link.addresses.includes(address)).map(address => `address delete ${address} dev ${link.name}`),
        ...link.addresses.map(address => `address replace ${address} dev ${link.name}`),
      ]),
    ])
    await this.#route(netns, plan)
    await this.#forgetFloating(netns, plan)
    await this.#metadata.open(netns, { routerId: plan.routerId })
  }

  async remove(routerId: string): Promise<void> {
    const netns = routerNamespaceOf(routerId)
    await this.#metadata.close(netns)
    this.#floating.delete(routerId)
    if (!(await listNamespaces()).includes(netns)) return
    await this.#drop(netns, [...(await readAddresses(this.#context.host, netns)).keys()].filter(name => /^q[rg]-/.test(name)))
    await closeNamespace(this.#context, netns)
  }

  async #plug(netns: string, links: readonly (LinkPlan & { name: string })[]): Promise<void> {
    await this.#filters.load(links.map(link => ({ tap: tapOf(link.portId), bridge: bridgeOf(link.networkId) })))
    await makeInnerLinks(this.#context, links.map(({ portId, networkId, name, mac, mtu }) => ({ tap: tapOf(portId), bridge: bridgeOf(networkId), netns, link: name, mac, mtu })))
  }

  async #drop(netns: string, names: readonly string[]): Promise<void> {
    await this.#context.commands.ip(netns, names.map(name => `link delete dev ${name}`), { tolerate: GONE })       // its tap goes with it
    for (const name of names) await this.#filters.unload(`tap${name.slice(3)}`)
  }

  async #route(netns: string, plan: RouterPlan): Promise<void> {
    const wanted = [
      ...(plan.gateway?.nexthops ?? []).map(nexthop => ({ destination: nexthop.includes(':') ? '::/0' : '0.0.0.0/0', nexthop })),
      ...plan.routes,
    ]
    const stale: string[] = []
    for (const family of ['-4', '-6']) {
      const { stdout } = await this.#context.host.run(['ip', '-json', family, 'route', 'show', 'proto', 'static'], { netns })
      for (const { dst } of JSON.parse(stdout || '[]') as { dst: string }[]) {
        const destination = dst === 'default' ? family === '-4' ? '0.0.0.0/0' : '::/0' : dst
        if (!wanted.some(route => route.destination === destination || route.destination === `${destination}/32` || route.destination === `${destination}/128`)) stale.push(`route delete ${destination} proto static`)
      }
    }
    await this.#context.commands.ip(netns, [...stale, ...wanted.map(route => `route replace ${route.destination} via ${route.nexthop} proto static`)], { tolerate: /No such process/ })
  }

  /** Ends connections by floating IPs that are no longer there, and has the machine ask anew who holds the ones that are. */
  async #forgetFloating(netns: string, plan: RouterPlan): Promise<void> {
    const before = this.#floating.get(plan.routerId) ?? []
    const same = (a: { address: string, fixedAddress: string }) => (b: { address: string, fixedAddress: string }) => a.address === b.address && a.fixedAddress === b.fixedAddress
    for (const gone of before.filter(ip => !plan.floatingIps.some(same(ip)))) {
      for (const side of ['--orig-dst', '--reply-dst']) await this.#context.host.run(['conntrack', '-D', '-f', 'ipv4', side, gone.address], { netns, accept: [0, 1] })
    }
    const fresh = plan.floatingIps.filter(ip => !before.some(same(ip)))
    if (plan.gateway && fresh.length) {
      const link = machineLinkOf(this.#context.cloud, plan.gateway.link.networkId)
      await this.#context.commands.ip('', fresh.map(ip => `neigh flush to ${ip.address} dev ${link}`), { tolerate: GONE })
    }
    this.#floating.set(plan.routerId, plan.floatingIps)
  }
}

// The filters that are loaded on this host: which port has which number, what its rules were, and whether the tables were begun.
import { readLinks } from '@alto/kit/host'
import {
  filterTables, portCommands, portRemoval, revokedConnections, zoneCommands, zoneRemoval, type ConnectionFilter, type FilteredPort, type PortFilter,
} from '../../model/filters.ts'
import { TRUSTED, type Context } from './context.ts'

const HIGHEST = 65535
const PROTOCOL_NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 33: 'dccp', 58: 'icmpv6', 132: 'sctp', 136: 'udplite' }

/** A port to load, and the bridge whose zone its connections are in. */
export interface LoadedPort {
  readonly tap: string
  readonly bridge: string
  readonly filter?: PortFilter
}

/**
 * The tables of one host. Until `load` is called first, nothing is written: the tables of an earlier process stay in force, and then give way to
 * the new ones in one transaction that holds every guest's port and the trusted links that are there.
 */
export class Filters {
  readonly #context: Context
  readonly #ports = new Map<string, FilteredPort & { bridge: string }>()       // by tap, as loaded
  readonly #numbers = new Map<string, number>()
  readonly #zones = new Map<string, number>()
  #begun = false

  constructor(context: Context) {
    this.#context = context
  }

  /** Makes these the rules of these ports; connections that only revoked rules allowed are ended. */
  async load(ports: readonly LoadedPort[]): Promise<void> {
    const before = new Map(ports.map(port => [port.tap, this.#ports.get(port.tap)]))
    const numbered = this.#numbered(ports)
    if (this.#begun) {
      await this.#write(numbered.filter(port => JSON.stringify(before.get(port.tap)) !== JSON.stringify(port)).flatMap(port => portCommands(this.#context.mark, port)))
    } else {
      const links = await readLinks(this.#context.host, this.#context.netns)
      const trusted = this.#numbered(links.filter(l => l.ifalias === this.#context.mark + TRUSTED && l.ifname.startsWith('tap')).map(l => ({ tap: l.ifname, bridge: l.master ?? '' })))
      await this.#write([
        ...filterTables(this.#context.mark), ...[...this.#zones].flatMap(([bridge, zone]) => zoneCommands(this.#context.mark, bridge, zone)),
        ...[...numbered, ...trusted].flatMap(port => portCommands(this.#context.mark, port)),
      ])
      this.#begun = true
      for (const port of trusted) this.#ports.set(port.tap, port)
    }
    for (const port of numbered) this.#ports.set(port.tap, port)
    for (const port of numbered) {
      const old = before.get(port.tap)?.filter
      if (old && port.filter) await this.#end(port.bridge, revokedConnections(old, port.filter))
    }
  }

  /** Shuts the port and forgets it. */
  async unload(tap: string): Promise<void> {
    const port = this.#ports.get(tap)
    if (!port) return
    if (this.#begun) await this.#write(portRemoval(this.#context.mark, port))
    this.#ports.delete(tap)
    this.#numbers.delete(tap)
    const everything = (port.filter?.sources ?? []).flatMap(({ prefix }) => (['ingress', 'egress'] as const).map(direction => ({
      version: prefix.includes(':') ? 6 as const : 4 as const, address: prefix.split('/')[0]!, direction,
    })))
    await this.#end(port.bridge, everything)
  }

  /** Gives the bridge a conntrack zone of its own: the same one after a restart, or open connections would be strangers. */
  async openZone(bridge: string): Promise<void> {
    if (this.#zones.has(bridge)) return
    const taken = new Set(this.#zones.values())
    let zone = Number.parseInt(bridge.replace(/[^0-9a-f]/g, '').slice(-8), 16) % HIGHEST + 1
    while (taken.has(zone)) zone = zone % HIGHEST + 1
    this.#zones.set(bridge, zone)
    if (this.#begun) await this.#write(zoneCommands(this.#context.mark, bridge, zone))
  }

  async closeZone(bridge: string): Promise<void> {
    const zone = this.#zones.get(bridge)
    if (zone === undefined) return
    if (this.#begun) await this.#write(zoneRemoval(this.#context.mark, bridge, zone))
    this.#zones.delete(bridge)
  }

  #numbered(ports: readonly LoadedPort[]): (FilteredPort & { bridge: string })[] {
    const taken = new Set(this.#numbers.values())
    let next = 1
    return ports.map(port => {
      let number = this.#numbers.get(port.tap)
      if (number === undefined) {
        while (taken.has(next)) next++
        if (next > HIGHEST) throw new Error(`this host has ${HIGHEST} ports already`)
        number = next
        taken.add(number)
        this.#numbers.set(port.tap, number)
      }
      return { ...port, number }
    })
  }

  #write(commands: readonly string[]): Promise<void> {
    return this.#context.commands.nft(this.#context.netns, commands)
  }

  async #end(bridge: string, connections: readonly ConnectionFilter[]): Promise<void> {
    const zone = this.#zones.get(bridge)
    if (zone === undefined) return
    for (const { version, address, direction, protocol, far } of connections) {
      const [own, other] = direction === 'ingress' ? ['--orig-dst', '--orig-src'] : ['--orig-src', '--orig-dst']
      const name = protocol === undefined ? undefined : PROTOCOL_NAMES[protocol]
      await this.#context.host.run(['conntrack', '-D', '-f', `ipv${version}`, '-w', String(zone), own, address, ...(far ? [other, far] : []), ...(name ? ['-p', name] : [])],
        { netns: this.#context.netns, accept: [0, 1] })                  // 1: there was none
    }
  }
}

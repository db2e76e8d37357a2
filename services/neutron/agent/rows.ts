// The rows that this host was told of, and what a new answer changes about them. Holds no truth: a new agent starts empty and asks for everything.
// Properties: a row with a lower epoch or generation than one seen is refused (a late or doubled answer changes nothing); a row stays wanted until
// a tombstone of its generation or a later one comes; a tombstone does not undo a newer row.
import type { DesiredNetworking, NetworkTombstone, WantedKind, WantedNetwork, WantedNetworkPort, WantedRouter } from '@alto/contracts/network-agent'

/** What is to be looked at again, by id. */
export interface Changed {
  /** Networks whose own rows changed. */
  readonly networks: ReadonlySet<string>
  /** Networks whose DHCP may say something else now: those, and where a port came, changed or went. */
  readonly served: ReadonlySet<string>
  readonly ports: ReadonlySet<string>
  readonly routers: ReadonlySet<string>
}

type Versions = { generation: number, epoch: number }

/** The wanted rows of one host. */
export class Rows {
  readonly networks = new Map<string, WantedNetwork>()
  readonly ports = new Map<string, WantedNetworkPort>()
  readonly routers = new Map<string, WantedRouter>()
  /** Tombstones that were not carried out yet, by `KIND ID`. */
  readonly tombstones = new Map<string, NetworkTombstone>()
  readonly #seen = new Map<string, Versions>()

  /** Takes in an answer; returns what it changed, with all that depends on it. */
  take(answer: DesiredNetworking): Changed {
    const networks = this.#keep('network', this.networks, answer.networks)
    const ports = this.#keep('port', this.ports, answer.ports)
    const routers = this.#keep('router', this.routers, answer.routers)
    const served = new Set(networks)
    for (const tombstone of answer.tombstones) {
      if (!this.#isNew(tombstone.kind, tombstone)) continue
      this.tombstones.set(`${tombstone.kind} ${tombstone.id}`, tombstone)
      const port = tombstone.kind === 'port' ? this.ports.get(tombstone.id) : undefined
      if (port) served.add(port.networkId)
      this.#map(tombstone.kind).delete(tombstone.id)
    }
    for (const id of ports) {
      const port = this.ports.get(id)
      if (port) served.add(port.networkId)
    }
    for (const port of this.ports.values()) if (networks.has(port.networkId)) ports.add(port.id)       // its MTU, its subnets
    for (const id of ports) {
      const router = this.ports.get(id)?.deviceId
      if (router !== undefined && this.routers.has(router)) routers.add(router)
    }
    return { networks: kept(networks, this.networks), served: kept(served, this.networks), ports: kept(ports, this.ports), routers: kept(routers, this.routers) }
  }

  /** True when a row wants something whose id begins with `prefix`. */
  wants(kind: WantedKind, prefix: string): boolean {
    return [...this.#map(kind).keys()].some(id => id.startsWith(prefix))
  }

  #map(kind: WantedKind): Map<string, WantedNetwork> | Map<string, WantedNetworkPort> | Map<string, WantedRouter> {
    return kind === 'network' ? this.networks : kind === 'port' ? this.ports : this.routers
  }

  #keep<Row extends Versions & { id: string }>(kind: WantedKind, into: Map<string, Row>, rows: readonly Row[]): Set<string> {
    const changed = new Set<string>()
    for (const row of rows) {
      if (!this.#isNew(kind, row)) continue
      into.set(row.id, row)
      this.tombstones.delete(`${kind} ${row.id}`)
      changed.add(row.id)
    }
    return changed
  }

  #isNew(kind: WantedKind, row: Versions & { id: string }): boolean {
    const key = `${kind} ${row.id}`
    const seen = this.#seen.get(key)
    if (seen && (row.epoch < seen.epoch || row.generation < seen.generation)) return false
    this.#seen.set(key, { generation: row.generation, epoch: row.epoch })
    return true
  }
}

function kept(ids: ReadonlySet<string>, there: ReadonlyMap<string, unknown>): Set<string> {
  return new Set([...ids].filter(id => there.has(id)))
}

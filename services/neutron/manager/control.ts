// What Neutron answers to its agents (contracts/network-agent.ts), from its rows.
import type { DesiredNetworking, NetworkControl, NetworkTombstone, ObservedNetworking, WantedKind } from '@alto/contracts/network-agent'
import { tryAddress } from '../model/addresses.ts'
import { invalidInput } from '../model/faults.ts'
import type { PortStatus } from '../model/ports.ts'
import * as agents from '../store/agents.ts'
import * as floatingIps from '../store/floating-ips.ts'
import * as hostRows from '../store/host-rows.ts'
import * as ports from '../store/ports.ts'
import * as routers from '../store/routers.ts'
import type { HostRow, Tx } from '../store/tables.ts'
import { ringAfter, type Deps } from './deps.ts'
import { settle } from './placement.ts'
import { tellServer } from './port-rows.ts'
import { wantedNetworks, wantedPorts, wantedRouters, type Generations } from './wanted.ts'

const PORT_STATUS: Readonly<Record<Exclude<ObservedNetworking['status'], 'gone'>, PortStatus>> = { active: 'ACTIVE', down: 'DOWN', error: 'ERROR' }

/** The controller's side of the contract. */
export function networkControlOf(deps: Deps): NetworkControl {
  const { db, clock, ids } = deps

  async function reported(tx: Tx, said: Parameters<NetworkControl['report']>[0]): Promise<void> {
    const { host, kind, id, generation, observed } = said
    const current = await hostRows.report(tx, { host, kind, id, generation, status: observed.status, reason: observed.reason })
    if (!current || observed.status === 'gone') return
    if (kind === 'router') {
      await routers.setStatus(tx, id, host, observed.status === 'error' ? 'ERROR' : 'ACTIVE')
      await floatingIps.setStatusOfRouter(tx, id, observed.status === 'active' ? 'ACTIVE' : observed.status === 'error' ? 'ERROR' : 'DOWN')
    } else if (kind === 'port') await portReported(tx, host, id, PORT_STATUS[observed.status])
  }

  async function portReported(tx: Tx, host: string, id: string, status: PortStatus): Promise<void> {
    if (!await ports.setStatus(tx, id, host, status, clock.now())) return
    const port = await ports.find(tx, id)
    if (port && status !== 'ERROR') await tellServer(tx, deps, status === 'ACTIVE' ? 'network-vif-plugged' : 'network-vif-unplugged', port)
  }

  /** The host lives. Where its tunnels end is news to all who share a network with it. */
  async function beat(tx: Tx, said: Parameters<NetworkControl['heartbeat']>[0]): Promise<void> {
    const before = await agents.factsOf(tx, said.host)
    await agents.beat(tx, said, clock.now(), () => ids.uuid())
    if (before?.tunnelAddress !== said.facts.tunnelAddress) ringAfter(tx, deps, await hostRows.touched(tx, 'network', await hostRows.networksOf(tx, said.host)))
  }

  return {
    async desired({ host, cursor }): Promise<DesiredNetworking> {
      return db.read(async tx => {
        const next = await hostRows.counter(tx, 'change')                      // read first: what is committed meanwhile comes again with the next answer
        const databaseEpoch = await hostRows.counter(tx, 'database_epoch')
        const rows = await hostRows.listChanged(tx, host, cursor)
        const facts = await agents.factsOf(tx, host)
        const about = { host, epoch: 1, segments: facts?.segments ?? [], external: { internet: deps.options.internet, routed: deps.options.externalRouted } }
        return {
          networks: await wantedNetworks(tx, generations(rows, 'network'), about), ports: await wantedPorts(tx, generations(rows, 'port'), about),
          routers: await wantedRouters(tx, generations(rows, 'router'), about), tombstones: rows.filter(row => row.gone === 1).map(tombstone), cursor: next, databaseEpoch,
        }
      })
    },

    report: said => db.write(tx => reported(tx, said)),

    async heartbeat(said) {
      refuseNoAddress(said.facts.tunnelAddress)
      await db.write(tx => beat(tx, said))
      await settle(deps)
      return { databaseEpoch: await db.read(tx => hostRows.counter(tx, 'database_epoch')) }
    },
  }
}

/** It is told to all other hosts, which make commands of it. */
function refuseNoAddress(tunnelAddress: string | undefined): void {
  if (tunnelAddress !== undefined && tryAddress(tunnelAddress)?.version !== 4) throw invalidInput(`the tunnel address '${tunnelAddress}' is not an IPv4 address`)
}

function generations(rows: readonly HostRow[], kind: WantedKind): Generations {
  return new Map(rows.filter(row => row.kind === kind && row.gone === 0).map(row => [row.resource_id, row.seq]))
}

function tombstone(row: HostRow): NetworkTombstone {
  return { kind: row.kind as WantedKind, id: row.resource_id, generation: row.seq, epoch: 1 }
}

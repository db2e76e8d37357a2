// The agent on a host: asks for the rows that changed, makes them true through the driver, reports what it sees, and asks again.
//
// Properties, each with a test of its name:
// - One pass at a time; a ring during a pass makes another. A lost ring costs a poll interval.
// - Every pass may be cut off anywhere: what was not reported is tried again, and every driver call may be repeated.
// - One thing that fails does not hold up the others; it is reported with its reason and tried again at every poll.
// - Absence orders nothing: only a tombstone destroys, and it is answered with `gone`.
// - What the driver finds dead (a dnsmasq that was killed) is made again within seconds.
// - A controller whose database is older than one seen before (a restored backup) is refused: nothing is changed by its word.
// How: rows -> plans (plans.ts) -> driver, in an order in which everything finds what it stands on: bridges, ports, DHCP, routers; then removals the
// other way round. The ports of a pass are one transaction; when it fails, they are tried one by one, so that the culprit is known.
import type { NetworkAgent, NetworkControl, ObservedNetworking, WantedKind, WantedNetworkPort } from '@alto/contracts/network-agent'
import { rounds } from '@alto/kit/agent'
import type { Clock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import type { NetworkDriver } from '../driver/network.ts'
import { bridgePlan, dhcpPlan, hasTap, isOurs, portPlan, routerPlan } from './plans.ts'
import type { Changed, Rows } from './rows.ts'

/** What an agent is made from. */
export interface NetworkAgentOptions {
  readonly host: string
  /** New with every start. */
  readonly incarnation: string
  readonly control: NetworkControl
  readonly driver: NetworkDriver
  readonly rows: Rows
  readonly clock: Clock
  readonly log: Log
  /** The highest database epoch that this host has ever seen, kept where a restart finds it. */
  readonly databaseEpoch: { read(): Promise<number>, write(epoch: number): Promise<void> }
  /** Whether DHCP and routers may be placed here; true when not given. */
  readonly gateway?: boolean
  /** Milliseconds between looks when nobody rings; 10 s when not given. */
  readonly pollMs?: number
}

/** A running agent. */
export interface RunningNetworkAgent {
  readonly agent: NetworkAgent
  /** Resolves when the pass that runs, and those that were rung for, are over. */
  idle(): Promise<void>
  /** Stops after the pass that runs. What was made stays. */
  stop(): Promise<void>
}

const SIDE_BY_SIDE = 8                  // commands of so many networks or routers at once
const RETRY = 1000                      // milliseconds, when the controller was not to be reached
const WATCH = 2000                      // milliseconds between looks at what may die by itself

type Rowed = { id: string, generation: number, epoch: number }
type Outcome = { kind: WantedKind, row: Rowed, observed: ObservedNetworking }

/** Starts the agent; its first pass begins at once. */
export function startNetworkAgent(options: NetworkAgentOptions): RunningNetworkAgent {
  const { host, incarnation, control, driver, rows, clock, log } = options
  const pollMs = options.pollMs ?? 10_000
  const failed = new Set<string>()                                          // `KIND ID` to try again
  const reported = new Map<string, string>()
  const unsaid = new Map<string, Outcome>()                                 // reports that did not get through yet
  let cursor = 0
  let overtaken = false                                                     // an older database took the place of the one whose changes `cursor` counts
  let first = true
  let nextHeartbeat = 0
  let stopped = false
  let cancelPoll = () => {}
  let cancelWatch = clock.after(WATCH, () => { watching = watch() })
  let watching: Promise<void> | undefined

  /** What died by itself is made again, as what failed is. */
  async function watch(): Promise<void> {
    try {
      const ailing = await driver.ailing()
      for (const id of ailing) failed.add(`network ${id}`)
      if (ailing.length > 0 && !stopped) {
        log.warn({ host, networks: ailing }, 'DHCP died by itself; it is started again')
        ring()
      }
    } catch (error) {
      log.warn({ host, error: messageOf(error) }, 'whether DHCP runs could not be seen')
    }
    if (!stopped) cancelWatch = clock.after(WATCH, () => { watching = watch() })
  }

  const passes = rounds(async () => {
    cancelPoll()
    let wait = pollMs
    try {
      if (!stopped) await pass()
    } catch (error) {
      wait = Math.min(pollMs, RETRY)
      log.warn({ host, error: messageOf(error) }, 'the network agent could not finish a pass; it tries again')
    }
    if (!stopped) cancelPoll = clock.after(wait, ring)
  })

  function ring(): void {
    void passes.ring()
  }

  async function pass(): Promise<void> {
    if (clock.now() >= nextHeartbeat) {
      const facts = {
        driver: driver.kind, segments: driver.segments, takenPrefixes: await driver.takenPrefixes(), gateway: options.gateway ?? true,
        ...(driver.tunnelAddress !== undefined && { tunnelAddress: driver.tunnelAddress }),
      }
      await trust((await control.heartbeat({ host, incarnation, facts })).databaseEpoch)
      nextHeartbeat = clock.now() + pollMs / 2
    }
    const answer = await control.desired({ host, incarnation, cursor })
    await trust(answer.databaseEpoch)
    overtaken ||= answer.cursor < cursor
    if (overtaken) throw new Fault('conflict', 'neutron.agent.oldDatabase', `the controller's database has lost changes that ${host} has obeyed: it is not obeyed until the agent is started again`)
    const changed = withFailed(rows.take(answer))
    const outcomes = await apply(changed)
    first = false
    cursor = answer.cursor
    await tell([...outcomes, ...await bury()])
  }

  async function trust(epoch: number): Promise<void> {
    const highest = await options.databaseEpoch.read()
    if (epoch < highest) {
      throw new Fault('conflict', 'neutron.agent.oldDatabase', `the controller's database (epoch ${epoch}) is older than one that ${host} has seen (epoch ${highest})`)
    }
    if (epoch > highest) await options.databaseEpoch.write(epoch)
  }

  function withFailed(changed: Changed): Changed {
    const again = (kind: WantedKind, ids: ReadonlySet<string>, there: ReadonlyMap<string, unknown>) =>
      new Set([...ids, ...[...failed].filter(key => key.startsWith(`${kind} `)).map(key => key.slice(kind.length + 1))].filter(id => there.has(id)))
    return {
      networks: again('network', changed.networks, rows.networks), served: again('network', changed.served, rows.networks),
      ports: again('port', changed.ports, rows.ports), routers: again('router', changed.routers, rows.routers),
    }
  }

  async function apply(changed: Changed): Promise<Outcome[]> {
    const tunnelled = [...changed.served].filter(id => rows.networks.get(id)!.segment.kind === 'vxlan')          // where a port is has changed
    const bridges = await each(new Set([...changed.networks, ...tunnelled]), id => driver.applyBridge(bridgePlan(rows.networks.get(id)!, portsOf(id))))
    const guests = await applyPorts(changed)
    const served = await each(changed.served, async id => {
      const network = rows.networks.get(id)!
      const blocked = bridges.get(id)
      if (blocked) throw blocked
      const dhcpPort = network.dhcpPortId === undefined ? undefined : rows.ports.get(network.dhcpPortId)
      if (dhcpPort) await driver.applyDhcp(dhcpPlan(network, dhcpPort, portsOf(id)))
      else if (changed.networks.has(id)) await driver.removeDhcp(id)
    })
    const routed = await each(changed.routers, async id => {
      const router = rows.routers.get(id)!
      const plan = routerPlan(router, rows.ports, rows.networks)
      if ('waitsFor' in plan) throw new Fault('conflict', 'neutron.agent.waits', `router ${id} waits for ${plan.waitsFor}`)
      if (router.adminUp) await driver.applyRouter(plan)
      else await driver.removeRouter(id)
    })
    const status = (up: boolean): ObservedNetworking => ({ status: up ? 'active' : 'down' })
    const reasonFor = (port: WantedNetworkPort) => hasTap(port, host) ? guests.get(port.id) ?? served.get(port.networkId)
      : port.deviceOwner === 'network:dhcp' ? served.get(port.networkId) : routed.get(port.deviceId)
    return [
      ...[...changed.served].map(id => outcome('network', rows.networks.get(id)!, served.get(id), status(true))),
      ...[...changed.ports].map(id => rows.ports.get(id)!).filter(port => port.host === host).map(port => outcome('port', port, reasonFor(port), status(port.adminUp))),
      ...[...changed.routers].map(id => rows.routers.get(id)!).map(router => outcome('router', router, routed.get(router.id), status(router.adminUp))),
    ]
  }

  async function applyPorts(changed: Changed): Promise<Map<string, Error>> {
    const errors = new Map<string, Error>()
    const ports = [...changed.ports].map(id => rows.ports.get(id)!)
    const here = ports.filter(port => hasTap(port, host))
    const ready = here.filter(port => {
      if (!rows.networks.has(port.networkId)) errors.set(port.id, new Fault('conflict', 'neutron.agent.waits', `port ${port.id} waits for network ${port.networkId}`))
      return rows.networks.has(port.networkId)
    }).map(port => portPlan(port, rows.networks.get(port.networkId)!))
    if (ready.length || first) {
      try {
        await driver.applyPorts(ready)
      } catch (error) {
        log.warn({ host, error: messageOf(error) }, 'ports could not be made together; they are tried one by one')
        const plans = new Map(ready.map(plan => [plan.portId, plan]))
        for (const [portId, reason] of await each(plans.keys(), id => driver.applyPorts([plans.get(id)!]))) if (reason) errors.set(portId, reason)
      }
    }
    for (const port of ports.filter(port => !isOurs(port) && !hasTap(port, host))) await driver.removePort(port.id)       // bound elsewhere now
    return errors
  }

  function portsOf(networkId: string) {
    return [...rows.ports.values()].filter(port => port.networkId === networkId)
  }

  async function bury(): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const kind of ['router', 'port', 'network'] as const) {
      const graves = new Map([...rows.tombstones.values()].filter(grave => grave.kind === kind).map(grave => [grave.id, grave]))
      for (const [id, reason] of await each(graves.keys(), id => remove(kind, id))) {
        failed.delete(`${kind} ${id}`)
        if (!reason) rows.tombstones.delete(`${kind} ${id}`)
        outcomes.push({ kind, row: graves.get(id)!, observed: reason ? broken(reason) : { status: 'gone' } })
      }
    }
    return outcomes
  }

  async function remove(kind: WantedKind, id: string): Promise<void> {
    if (kind === 'network') await driver.removeBridge(id)
    else if (kind === 'port') await driver.removePort(id)
    else await driver.removeRouter(id)
  }

  function outcome(kind: WantedKind, row: Rowed, reason: Error | undefined, good: ObservedNetworking): Outcome {
    if (reason) failed.add(`${kind} ${row.id}`)
    else failed.delete(`${kind} ${row.id}`)
    return { kind, row, observed: reason ? broken(reason) : good }
  }

  function broken(reason: Error): ObservedNetworking {
    return { status: 'error', reason: reason instanceof Fault ? reason.message : 'the host could not do it; its log says why' }
  }

  async function tell(outcomes: readonly Outcome[]): Promise<void> {
    for (const outcome of outcomes) unsaid.set(`${outcome.kind} ${outcome.row.id}`, outcome)
    for (const [key, { kind, row, observed }] of unsaid) {
      const words = JSON.stringify([row.generation, row.epoch, observed])
      if (reported.get(key) !== words || observed.status === 'gone') {
        await control.report({ host, kind, id: row.id, generation: row.generation, epoch: row.epoch, observed })
      }
      reported.set(key, words)
      unsaid.delete(key)
    }
  }

  /** Does `work` for each, a few side by side; the errors by item. */
  async function each(ids: Iterable<string>, work: (id: string) => Promise<void>): Promise<Map<string, Error | undefined>> {
    const results = new Map<string, Error | undefined>()
    const queue = [...ids]
    const worker = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        try {
          await work(id)
          results.set(id, undefined)
        } catch (error) {
          log.warn({ host, id, error: messageOf(error) }, 'part of the network could not be made')
          results.set(id, error instanceof Error ? error : new Error(String(error)))
        }
      }
    }
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
    return results
  }

  ring()
  return {
    agent: {
      async look() { ring() },
      audit: async () => ({ things: await driver.inventory() }),
      async removeOrphan({ kind, id }) {
        if (rows.wants(kind, id)) throw new Fault('conflict', 'neutron.agent.wanted', `${kind} ${id} is wanted on ${host}`)
        await remove(kind, id)
      },
    },
    idle: () => passes.ended(),
    async stop() {
      stopped = true
      cancelPoll()
      cancelWatch()
      await watching
      await passes.ended()
    },
  }
}

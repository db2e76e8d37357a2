// The compute agent of one host: kit/agent's asking and keeping, for guests (keeper.ts), and the answers to the controller's calls.
import type { ComputeAgent, ComputeControl, Tombstone, WantedServer } from '@alto/contracts/compute-agent'
import { HostAgent } from '@alto/kit/agent'
import { connectUnix, joinStreams, type DataListener } from '@alto/kit/data-link'
import { Fault, messageOf } from '@alto/kit/errors'
import type { ContractVersion } from '@alto/kit/rpc'
import { GuestKeeping, type KeeperTools } from './keeper.ts'
import { readDatabaseEpoch, writeDatabaseEpoch } from './notes.ts'
import { shutDown } from './steps.ts'

/** What the agent is made from. */
export interface AgentOptions extends Omit<KeeperTools, 'control'> {
  readonly control: ComputeControl
  /** The host's name, as the controller's rows have it. */
  readonly host: string
  /** New with every start of the agent. */
  readonly incarnation: string
  /** Lets controllers on other machines in to the consoles; without it they are reached on this host only. */
  readonly link?: DataListener | undefined
  /** Throws Fault notImplemented `rpc.peerTooOld` when the controllers are known to be older than the version of their contract that brought `what`. */
  readonly refuseOldControllers?: (since: ContractVersion, what: string) => void
  /** How often rows are asked for without a bell, guests looked at without a hint, and the host reported alive; milliseconds. */
  readonly pollMs?: number
  readonly heartbeatMs?: number
}

/** An agent that can be started and stopped. */
export interface RunningAgent {
  /** What to serve at the host's name. */
  readonly agent: ComputeAgent
  /** Begins; resolves when the controller was asked once (or could not be reached: it goes on trying). */
  start(): Promise<void>
  /** Ends all work and leaves the guests as they are. The driver stays open. */
  stop(): Promise<void>
  /**
   * After `stop`: shuts down every guest that runs here, by the power button and after `timeoutMs` by force, paused ones at once.
   * What is wanted of them does not change: an agent that starts again starts them again.
   */
  shutDownGuests(timeoutMs: number): Promise<void>
  /** Resolves when no keeper works and every row that the controller has named was taken. For tests. */
  idle(): Promise<void>
}

const TIDY_EVERY = 3_600_000
const UNUSED_FOR = 24 * 3_600_000

/** The agent of `host`. */
export function computeAgentOn(options: AgentOptions): RunningAgent {
  const { driver, control, clock, host, incarnation, link, pollMs, heartbeatMs } = options
  const log = options.log.child({ host })
  const unwatching: (() => void)[] = []
  let told = 0
  const reporting: KeeperTools['control'] = { report: said => control.report({ ...said, sequence: { incarnation, number: ++told } }) }
  const guests = new HostAgent<WantedServer, Tombstone>({
    clock, log, pollMs, heartbeatMs, looksAgain: true,
    async desired(cursor) {
      const { servers, tombstones, cursor: next } = await control.desired({ host, incarnation, cursor })
      return { orders: [...servers.map(wanted => ({ id: wanted.id, order: { wanted } })), ...tombstones.map(tombstone => ({ id: tombstone.serverId, order: { tombstone } }))], cursor: next }
    },
    heartbeat: async () => control.heartbeat({ host, incarnation, resources: await driver.resources() }),
    databaseEpoch: { read: () => readDatabaseEpoch(driver), write: epoch => writeDatabaseEpoch(driver, epoch) },
    keeping(serverId) {
      const named = log.child({ serverId })
      return { log: named, keeping: new GuestKeeping({ ...options, control: reporting, log: named }, serverId) }
    },
  })
  const known = async (serverId: string) => {
    const { process, root } = await driver.look(serverId)
    if (process === 'none' && root === undefined && !guests.orderOf(serverId)) throw new Fault('notFound', 'nova.guest.notFound', `server ${serverId} is not on host ${host}`)
  }

  return {
    agent: {
      look: ({ serverId }) => guests.look(serverId),
      async consoleLog({ serverId, lines }) {
        await known(serverId)
        return { text: await driver.consoleLog(serverId, lines) }
      },
      async console({ serverId, kind }) {
        await known(serverId)
        const found = await driver.console(serverId, kind)
        if (found.kind !== 'unix' || !link) return found
        options.refuseOldControllers?.('1.1', 'a console of another host')
        return { kind: 'data-link', ...link.invite('console', stream => void connectUnix(found.path, clock).then(console => joinStreams(stream, console, clock), (error: unknown) => {
          log.warn({ serverId, reason: messageOf(error) }, 'a console was gone before its visitor came')
          stream.destroy()
        }), serverId) }
      },
      async audit() {
        return { things: await driver.marked() }
      },
      async removeOrphan({ serverId }) {
        const order = guests.orderOf(serverId)
        if (order && 'wanted' in order) throw new Fault('conflict', 'nova.agent.wanted', `server ${serverId} is wanted on host ${host}: it is no orphan`)
        await driver.destroy(serverId)
      },
    },
    async start() {
      unwatching.push(driver.watch(id => guests.wake(id)))
      await guests.start()
      guests.every(TIDY_EVERY, () => driver.tidy(UNUSED_FOR).catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'the image cache was not tidied')))
    },
    async stop() {
      for (const unwatch of unwatching) unwatch()
      await guests.stop()
    },
    async shutDownGuests(timeoutMs) {
      const ids = new Set((await driver.marked()).filter(({ kind }) => kind === 'process').map(({ serverId }) => serverId))
      await Promise.all([...ids].map(id => shutDown({ driver, clock }, id, timeoutMs)))
    },
    idle: () => guests.idle(),
  }
}

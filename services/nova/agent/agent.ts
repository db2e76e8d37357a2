// The compute agent of one host: asks the controller what should be here, keeps a keeper for each guest, answers calls, and says that the host lives.
// It holds no truth: started anew, it asks for everything and finds the guests that run. Absence is no order: what the controller does not name is left alone.
import type { ComputeAgent, ComputeControl } from '@alto/contracts/compute-agent'
import { Fault, messageOf } from '@alto/kit/errors'
import { Keeper, type KeeperTools, type Order } from './keeper.ts'
import { readDatabaseEpoch, writeDatabaseEpoch } from './notes.ts'
import { shutDown } from './steps.ts'

/** What the agent is made from. */
export interface AgentOptions extends Omit<KeeperTools, 'control'> {
  readonly control: ComputeControl
  /** The host's name, as the controller's rows have it. */
  readonly host: string
  /** New with every start of the agent. */
  readonly incarnation: string
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
  const { driver, control, clock, host, incarnation, pollMs = 5000, heartbeatMs = 10_000 } = options
  const log = options.log.child({ host })
  const keepers = new Map<string, Keeper>()
  const stopping = new AbortController()
  const state = { cursor: 0, asking: undefined as Promise<void> | undefined, askAgain: false, refused: false }
  const running: Promise<void>[] = []

  const take = (serverId: string, order: Order) => {
    const known = keepers.get(serverId)
    if (known) known.give(order)
    else {
      const keeper = new Keeper(options, serverId, order)
      keepers.set(serverId, keeper)
      keeper.wake()
    }
  }
  const askOnce = async () => {
    const { servers, tombstones, cursor } = await control.desired({ host, incarnation, cursor: state.cursor })
    for (const wanted of servers) take(wanted.id, { wanted })
    for (const tombstone of tombstones) take(tombstone.serverId, { tombstone })
    state.cursor = cursor
    for (const [id, keeper] of keepers) if (keeper.finished && !tombstones.some(({ serverId }) => serverId === id)) keepers.delete(id)
  }
  /** Asks for the rows; a bell that rings meanwhile makes it ask once more. Never throws. */
  const ask = (): Promise<void> => {
    state.askAgain = true
    state.asking ??= (async () => {
      while (state.askAgain && !state.refused && !stopping.signal.aborted) {
        state.askAgain = false
        await askOnce().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'the controller did not say what it wants'))
      }
    })().finally(() => { state.asking = undefined })
    return state.asking
  }
  const beat = async () => {
    const { databaseEpoch } = await control.heartbeat({ host, incarnation, resources: await driver.resources() })
    const seen = await readDatabaseEpoch(driver)
    if (databaseEpoch > seen) await writeDatabaseEpoch(driver, databaseEpoch)
    if (databaseEpoch < seen && !state.refused) log.error({ databaseEpoch, seen }, 'the controller\'s database is older than the one this host has obeyed: refused')
    state.refused = databaseEpoch < seen
  }
  const beatQuietly = () => beat().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'the controller was not told that this host lives'))
  const every = async (ms: number, what: () => Promise<void>) => {
    while (!stopping.signal.aborted) {
      await clock.sleep(ms, stopping.signal).catch(() => {})
      if (!stopping.signal.aborted) await what()
    }
  }
  const known = async (serverId: string) => {
    const { process, root } = await driver.look(serverId)
    if (process === 'none' && root === undefined && !keepers.has(serverId)) throw new Fault('notFound', 'nova.guest.notFound', `server ${serverId} is not on host ${host}`)
  }

  return {
    agent: {
      async look({ serverId }) {
        await ask()
        keepers.get(serverId)?.wake()
      },
      async consoleLog({ serverId, lines }) {
        await known(serverId)
        return { text: await driver.consoleLog(serverId, lines) }
      },
      async console({ serverId, kind }) {
        await known(serverId)
        return await driver.console(serverId, kind)
      },
      async audit() {
        return { things: await driver.marked() }
      },
      async removeOrphan({ serverId }) {
        const order = keepers.get(serverId)?.order
        if (order && 'wanted' in order) throw new Fault('conflict', 'nova.agent.wanted', `server ${serverId} is wanted on host ${host}: it is no orphan`)
        await driver.destroy(serverId)
      },
    },
    async start() {
      const unwatch = driver.watch(id => keepers.get(id)?.wake())
      stopping.signal.addEventListener('abort', unwatch, { once: true })
      await beatQuietly()
      await ask()
      running.push(every(TIDY_EVERY, () => driver.tidy(UNUSED_FOR).catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'the image cache was not tidied'))))
      running.push(every(heartbeatMs, beatQuietly), every(pollMs, async () => {
        await ask()
        for (const keeper of keepers.values()) keeper.wake()
      }))
    },
    async stop() {
      stopping.abort(new Fault('unavailable', 'nova.agent.interrupted', 'the agent stops'))
      await Promise.all([...running, ...[...keepers.values()].map(keeper => keeper.stop())])
      await state.asking
    },
    async shutDownGuests(timeoutMs) {
      const ids = new Set((await driver.marked()).filter(({ kind }) => kind === 'process').map(({ serverId }) => serverId))
      await Promise.all([...ids].map(id => shutDown({ driver, clock }, id, timeoutMs)))
    },
    async idle() {
      await state.asking
      await Promise.all([...keepers.values()].map(keeper => keeper.settled()))
    },
  }
}

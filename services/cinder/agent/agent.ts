// The volume agent of one host: asks the controller what disks should be here, keeps a keeper for each, answers calls, and says that the host lives.
// It holds no truth: started anew, it asks for everything. Absence is no order: what the controller does not name is left alone.
import type { VolumeAgent, VolumeControl } from '@alto/contracts/volume-agent'
import { Fault, messageOf } from '@alto/kit/errors'
import { DiskKeeper, type KeeperTools, type Order } from './keeper.ts'

/** What the agent is made from. */
export interface VolumeAgentOptions extends Omit<KeeperTools, 'control' | 'turn'> {
  readonly control: VolumeControl
  /** The host's name, as the controller's rows have it. */
  readonly host: string
  /** New with every start of the agent. */
  readonly incarnation: string
  /** How often rows are asked for without a bell, and the host reported alive; milliseconds. */
  readonly pollMs?: number
  readonly heartbeatMs?: number
}

/** An agent that can be started and stopped. */
export interface RunningVolumeAgent {
  /** What to serve at the host's name. */
  readonly agent: VolumeAgent
  /** Begins; resolves when the controller was asked once (or could not be reached: it goes on trying). */
  start(): Promise<void>
  /** Ends all work; the disks stay. */
  stop(): Promise<void>
  /** Resolves when no keeper works and every row that the controller has named was taken. For tests. */
  idle(): Promise<void>
}

/** Disks that are worked on at once. */
const AT_ONCE = 4

/** The volume agent of `host`. */
export function volumeAgentOn(options: VolumeAgentOptions): RunningVolumeAgent {
  const { driver, control, clock, host, incarnation, pollMs = 5000, heartbeatMs = 10_000 } = options
  const log = options.log.child({ host })
  const keepers = new Map<string, DiskKeeper>()
  const stopping = new AbortController()
  const state = { cursor: 0, asking: undefined as Promise<void> | undefined, askAgain: false, refused: false }
  const running: Promise<void>[] = []
  const tools: KeeperTools = { driver, images: options.images, clock, log, control, turn: places(AT_ONCE) }

  const take = (diskId: string, order: Order) => {
    const known = keepers.get(diskId)
    if (known) known.give(order)
    else {
      const keeper = new DiskKeeper(tools, diskId, order)
      keepers.set(diskId, keeper)
      keeper.wake()
    }
  }
  const askOnce = async () => {
    const { disks, tombstones, cursor } = await control.desired({ host, incarnation, cursor: state.cursor })
    for (const wanted of disks) take(wanted.id, { wanted })
    for (const tombstone of tombstones) take(tombstone.diskId, { tombstone })
    state.cursor = cursor
    for (const [id, keeper] of keepers) if (keeper.finished && !tombstones.some(({ diskId }) => diskId === id)) keepers.delete(id)
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
    const { databaseEpoch } = await control.heartbeat({ host, incarnation, capacity: { ...await driver.capacity(), driver: driver.name } })
    const seen = Number(await driver.readNotes(undefined) ?? 0) || 0
    if (databaseEpoch > seen) await driver.writeNotes(undefined, String(databaseEpoch))
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

  return {
    agent: {
      async look({ diskId }) {
        await ask()
        keepers.get(diskId)?.wake()
      },
      async audit() {
        return { disks: await driver.marked() }
      },
      async removeOrphan({ diskId }) {
        const order = keepers.get(diskId)?.order
        if (order && 'wanted' in order) throw new Fault('conflict', 'cinder.agent.wanted', `disk ${diskId} is wanted on host ${host}: it is no orphan`)
        await driver.remove(diskId)
      },
    },
    async start() {
      await beatQuietly()
      await ask()
      running.push(every(heartbeatMs, beatQuietly), every(pollMs, ask))
    },
    async stop() {
      stopping.abort(new Fault('unavailable', 'cinder.agent.interrupted', 'the agent stops'))
      await Promise.all([...running, ...[...keepers.values()].map(keeper => keeper.stop())])
      await state.asking
    },
    async idle() {
      await state.asking
      await Promise.all([...keepers.values()].map(keeper => keeper.settled()))
    },
  }
}

/** At most `count` pieces of work at once, in the order they came. */
function places(count: number): KeeperTools['turn'] {
  const waiting: (() => void)[] = []
  let free = count
  return async work => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve))
    else free--
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

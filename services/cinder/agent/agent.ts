// The volume agent of one host: kit/agent's asking and keeping, for disks (keeper.ts), and the answers to the controller's calls.
import type { DiskTombstone, VolumeAgent, VolumeControl, WantedDisk } from '@alto/contracts/volume-agent'
import { HostAgent } from '@alto/kit/agent'
import type { Clock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { DiskKeeping, type KeeperTools } from './keeper.ts'

/** What the agent is made from. */
export interface VolumeAgentOptions extends Omit<KeeperTools, 'control' | 'turn'> {
  readonly control: VolumeControl
  readonly clock: Clock
  readonly log: Log
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
  /** Ends all work; the disks and their exports stay. */
  stop(): Promise<void>
  /** Resolves when no keeper works and every row that the controller has named was taken. For tests. */
  idle(): Promise<void>
}

/** Disks that are worked on at once. */
const AT_ONCE = 4
/** How often exports are looked at, milliseconds: one that ends while the agent runs is seen at once, others only so. */
const EXPORTS_POLL = 5000

/** The volume agent of `host`. */
export function volumeAgentOn(options: VolumeAgentOptions): RunningVolumeAgent {
  const { driver, images, control, clock, host, incarnation, pollMs, heartbeatMs } = options
  const log = options.log.child({ host })
  const turn = places(AT_ONCE)
  const unwatch: (() => void)[] = []
  let told = 0
  const reporting: KeeperTools['control'] = { report: said => control.report({ ...said, sequence: { incarnation, number: ++told } }) }
  const disks = new HostAgent<WantedDisk, DiskTombstone>({
    clock, log, pollMs, heartbeatMs, looksAgain: false,
    async desired(cursor) {
      const { disks: rows, tombstones, cursor: next } = await control.desired({ host, incarnation, cursor })
      return { orders: [...rows.map(wanted => ({ id: wanted.id, order: { wanted } })), ...tombstones.map(tombstone => ({ id: tombstone.diskId, order: { tombstone } }))], cursor: next }
    },
    heartbeat: async () => control.heartbeat({ host, incarnation, capacity: { ...await driver.capacity(), driver: driver.name, ...(driver.dataAddress !== undefined && { dataAddress: driver.dataAddress }) } }),
    databaseEpoch: { read: async () => Number(await driver.readNotes(undefined) ?? 0) || 0, write: epoch => driver.writeNotes(undefined, String(epoch)) },
    keeping: diskId => ({ log: log.child({ diskId }), keeping: new DiskKeeping({ driver, images, control: reporting, turn }, diskId) }),
  })

  return {
    agent: {
      look: ({ diskId }) => disks.look(diskId),
      async audit() {
        return { disks: await driver.marked() }
      },
      async removeOrphan({ diskId }) {
        const order = disks.orderOf(diskId)
        if (order && 'wanted' in order) throw new Fault('conflict', 'cinder.agent.wanted', `disk ${diskId} is wanted on host ${host}: it is no orphan`)
        await driver.remove(diskId)
      },
    },
    async start() {
      unwatch.push(driver.watch(id => disks.wake(id)))
      await disks.start()
      disks.every(pollMs ?? EXPORTS_POLL, async () => {
        const ids = await driver.ailing().catch((error: unknown) => { log.warn({ reason: messageOf(error) }, 'the exports could not be looked at'); return [] })
        for (const id of ids) disks.wake(id)
      })
    },
    async stop() {
      for (const end of unwatch) end()
      await disks.stop()
    },
    idle: () => disks.idle(),
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

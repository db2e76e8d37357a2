// How one guest is kept: look, do the next step, look again, until the guest is as it is wanted; then report. kit/agent's keeper says when: one at a time,
// the newest order from the next step on. An order that makes the present step pointless (another power state, another reboot, another disk, the end) interrupts it.
import type { ComputeControl, ObservedServer, Tombstone, WantedServer } from '@alto/contracts/compute-agent'
import { type Attempt, type Failure, type Keeping, reportedFault, termsOf, type Order as OrderOf } from '@alto/kit/agent'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { nextStep } from '../model/convergence.ts'
import type { GuestNotes, GuestSight } from '../model/guests.ts'
import { readNotes, writeNotes } from './notes.ts'
import { carryOut, type Tools } from './steps.ts'

/** What is to be true of a server: a row, or that it is no more. */
export type Order = OrderOf<WantedServer, Tombstone>

/** What keepers work with. */
export interface KeeperTools extends Tools {
  readonly control: Pick<ComputeControl, 'report'>
  readonly log: Log
}

const WORDS = {
  full: { code: 'nova.host.diskFull', message: 'the host\'s disk is full' },
  unforeseen: { code: 'nova.agent.failed', message: 'the host could not do it' },
}

/** How long a report counts as heard, milliseconds. */
const REPORTED_FOR = 60_000

/** What the keeper of server `serverId` does. */
export class GuestKeeping implements Keeping<Order> {
  readonly serverId: string
  readonly #tools: KeeperTools
  #reported = { text: '', at: 0 }
  /** The last word of progress, on its way: what is reported afterwards must not overtake it. */
  #telling: Promise<void> | undefined
  /** The copy that is being made. */
  #copying: string | undefined

  constructor(tools: KeeperTools, serverId: string) {
    this.#tools = tools
    this.serverId = serverId
  }

  interrupts(next: Order, present: Order): boolean {
    if ('tombstone' in next || 'tombstone' in present) return 'tombstone' in next !== 'tombstone' in present
    if (this.#copying !== undefined && 'wanted' in next && !next.wanted.copies?.some(({ id }) => id === this.#copying)) return true
    const key = ({ wanted }: { wanted: WantedServer }) => JSON.stringify([wanted.power, wanted.powerNonce, wanted.reboot, wanted.root])
    return key(next) !== key(present)
  }

  async converge(attempt: Attempt<Order>): Promise<void> {
    const { driver, log } = this.#tools
    for (;;) {
      this.#copying = undefined
      const { order, signal } = attempt.next()
      const { epoch } = termsOf(order)
      const notes = await readNotes(driver, this.serverId)
      if (epoch < notes.epoch) throw new Fault('conflict', 'nova.agent.staleEpoch', `an order of epoch ${epoch} is refused: ${notes.epoch} was obeyed already`)
      if ('tombstone' in order) {
        attempt.begin('destroy')
        await driver.destroy(this.serverId)
        await this.#report(order, { power: 'absent', converged: true, ports: [], volumes: [], snapshots: [] })
        return
      }
      if (epoch > notes.epoch) { await writeNotes(driver, this.serverId, { ...notes, epoch }); continue }
      const sight = await driver.look(this.serverId)
      const step = nextStep(order.wanted, sight, notes)
      if (!step) {
        await this.#report(order, observed(order.wanted, sight, notes, true))
        return
      }
      attempt.begin(step.do)
      log.info({ step: step.do, generation: order.wanted.generation }, 'guest step')
      this.#copying = step.do === 'copyVolume' ? step.copy.id : undefined
      const progress = (what: string) => {
        this.#telling = this.#send(order, observed(order.wanted, sight, notes, step.do === 'copyVolume'), what).catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'progress was not heard'))
      }
      await carryOut(this.#tools, order.wanted, { step, notes }, progress, signal)
    }
  }

  async fail(order: Order, failure: Failure): Promise<void> {
    if ('tombstone' in order) return
    const { driver } = this.#tools
    const [sight, notes] = [await driver.look(this.serverId), await readNotes(driver, this.serverId)]
    await this.#report(order, { ...observed(order.wanted, sight, notes, failure.step === 'copyVolume'), fault: reportedFault(failure, WORDS) })
  }

  /** Reports, unless the controller has heard just that, and lately: an older report that was delivered twice, or late, may have been taken for the newest. */
  async #report(order: Order, seen: ObservedServer): Promise<void> {
    const text = JSON.stringify([termsOf(order), seen])
    const now = this.#tools.clock.now()
    if (text === this.#reported.text && now - this.#reported.at < REPORTED_FOR) return
    await this.#telling
    await this.#send(order, seen)
    this.#reported = { text, at: now }
  }

  async #send(order: Order, seen: ObservedServer, progress?: string): Promise<void> {
    await this.#tools.control.report({ serverId: this.serverId, ...termsOf(order), observed: seen, ...(progress !== undefined && { progress }) })
  }
}

function observed(wanted: WantedServer, sight: GuestSight, notes: GuestNotes, converged: boolean): ObservedServer {
  const off = sight.suspended ? 'suspended' : wanted.root.kind === 'image' && sight.root === undefined ? 'building' : 'stopped'
  return {
    power: sight.process === 'none' ? off : sight.process === 'ended' ? 'stopped' : sight.process,
    converged,
    ...(notes.endedNonce !== undefined && { endedNonce: notes.endedNonce }),
    ...(notes.rebootNonce !== undefined && { rebootNonce: notes.rebootNonce }),
    ports: sight.ports, snapshots: notes.snapshots, ...(notes.copies.length > 0 && { copies: notes.copies }),
    volumes: sight.volumes.map(({ attachmentId }) => attachmentId).filter(id => !sight.volumes.some(v => v.half && v.attachmentId === id) || !wanted.volumes.some(v => v.attachmentId === id)),
  }
}

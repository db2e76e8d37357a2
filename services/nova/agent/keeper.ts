// The keeper of one guest: looks, does the next step, looks again, until the guest is as it is wanted; then reports and rests until it is woken.
// One keeper at a time works on a guest, so its steps never overlap. What is wanted may change meanwhile: the newest order counts from the next step on,
// and an order that makes the present step pointless (another power state, another reboot, another disk, the end) interrupts it.
import type { ComputeControl, ObservedServer, Tombstone, WantedServer } from '@alto/contracts/compute-agent'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { nextStep } from '../model/convergence.ts'
import type { GuestNotes, GuestSight } from '../model/guests.ts'
import { readNotes, writeNotes } from './notes.ts'
import { carryOut, isFinal, type Tools } from './steps.ts'

/** What is to be true of a server: a row, or that it is no more. */
export type Order = { readonly wanted: WantedServer } | { readonly tombstone: Tombstone }

/** What keepers work with. */
export interface KeeperTools extends Tools {
  readonly control: Pick<ComputeControl, 'report'>
  readonly log: Log
}

const FIRST_PAUSE = 250
const LONGEST_PAUSE = 15_000

export class Keeper {
  readonly serverId: string
  readonly #tools: KeeperTools
  #order: Order
  #working: Promise<void> | undefined
  #step = new AbortController()
  #pause = new AbortController()
  #again = false
  #stopped = false
  /** The order that cannot be carried out: it is not tried again. */
  #hopeless: Order | undefined
  #reported = ''
  /** The last word of progress, on its way: what is reported afterwards must not overtake it. */
  #telling: Promise<void> | undefined

  constructor(tools: KeeperTools, serverId: string, order: Order) {
    this.#tools = { ...tools, log: tools.log.child({ serverId }) }
    this.serverId = serverId
    this.#order = order
  }

  /** The order that counts at present. */
  get order(): Order {
    return this.#order
  }

  /** True when the server was destroyed as ordered, and this was reported. */
  get finished(): boolean {
    return 'tombstone' in this.#order && this.#working === undefined && this.#reported !== ''
  }

  /** Takes an order: a newer one counts from now on, the same one is a reason to look, an older one (generation or epoch) is refused. */
  give(order: Order): void {
    const [now, then] = [termsOf(order), termsOf(this.#order)]
    if (now.epoch < then.epoch || now.generation < then.generation) {
      this.#tools.log.warn({ ...now, known: then }, 'an order that is older than the one obeyed is refused')
      return
    }
    if (now.generation > then.generation || ('tombstone' in order && !('tombstone' in this.#order))) {
      if (interrupts(order, this.#order)) this.#step.abort(new Fault('unavailable', 'nova.agent.interrupted', 'something else is wanted by now'))
      this.#order = order
      this.#pause.abort(new Fault('unavailable', 'nova.agent.interrupted', 'something else is wanted by now'))
    }
    this.wake()
  }

  /** Looks again, now or after the present look; a pause after a failure is not shortened, because hints come from our own steps too. */
  wake(): void {
    if (this.#stopped) return
    this.#again = true
    this.#working ??= this.#work().finally(() => { this.#working = undefined; if (this.#again) this.wake() })
  }

  /** Interrupts what is being done and resolves when it has ended; the guest is left as it is. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#again = false
    const reason = new Fault('unavailable', 'nova.agent.interrupted', 'the agent stops')
    this.#step.abort(reason)
    this.#pause.abort(reason)
    await this.#working
  }

  /** Resolves when there is nothing that it could do at present. */
  async settled(): Promise<void> {
    while (this.#working) await this.#working
  }

  async #work(): Promise<void> {
    for (let pause = FIRST_PAUSE; this.#again && !this.#stopped;) {
      this.#again = false
      const order = this.#order
      if (this.#hopeless === order) return
      const doing = { step: 'look' }
      try {
        await this.#converge(doing)
        pause = FIRST_PAUSE
      } catch (error) {
        if (this.#order !== order || this.#stopped) { this.#again = true; continue }
        await this.#fail(order, doing.step, error)
        if (isFinal(error)) { this.#hopeless = order; continue }
        this.#again = true
        this.#pause = new AbortController()
        if (this.#order === order && !this.#stopped) await this.#tools.clock.sleep(pause, this.#pause.signal).catch(() => {})
        pause = Math.min(pause * 2, LONGEST_PAUSE)
      }
    }
  }

  /** Steps until nothing is left to do, and reports. `doing` says at each moment which step it is. */
  async #converge(doing: { step: string }): Promise<void> {
    const { driver, log } = this.#tools
    for (;;) {
      this.#step = new AbortController()
      const order = this.#order
      const { epoch } = termsOf(order)
      const notes = await readNotes(driver, this.serverId)
      if (epoch < notes.epoch) throw new Fault('conflict', 'nova.agent.staleEpoch', `an order of epoch ${epoch} is refused: ${notes.epoch} was obeyed already`)
      if ('tombstone' in order) {
        doing.step = 'destroy'
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
      doing.step = step.do
      log.info({ step: step.do, generation: order.wanted.generation }, 'guest step')
      const progress = (what: string) => {
        this.#telling = this.#send(order, observed(order.wanted, sight, notes, false), what).catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'progress was not heard'))
      }
      await carryOut(this.#tools, order.wanted, { step, notes }, progress, this.#step.signal)
    }
  }

  async #fail(order: Order, step: string, error: unknown): Promise<void> {
    const { driver, log } = this.#tools
    const expected = error instanceof Fault
    log[expected ? 'warn' : 'error']({ step, reason: messageOf(error), ...(!expected && error instanceof Error && { stack: error.stack }) }, 'guest step failed')
    if ('tombstone' in order) return
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
    const fault = {
      step, final: isFinal(error), code: expected ? error.code : full ? 'nova.host.diskFull' : 'nova.agent.failed',
      message: expected ? error.message : full ? 'the host\'s disk is full' : 'the host could not do it',
    }
    try {
      const [sight, notes] = [await driver.look(this.serverId), await readNotes(driver, this.serverId)]
      await this.#report(order, { ...observed(order.wanted, sight, notes, false), fault })
    } catch (failure) {
      log.warn({ reason: messageOf(failure) }, 'a failure could not be reported')
    }
  }

  /** Reports, unless the controller has heard just that. */
  async #report(order: Order, seen: ObservedServer): Promise<void> {
    const text = JSON.stringify([termsOf(order), seen])
    if (text === this.#reported) return
    await this.#telling
    await this.#send(order, seen)
    this.#reported = text
  }

  async #send(order: Order, seen: ObservedServer, progress?: string): Promise<void> {
    await this.#tools.control.report({ serverId: this.serverId, ...termsOf(order), observed: seen, ...(progress !== undefined && { progress }) })
  }
}

function termsOf(order: Order): { generation: number, epoch: number } {
  const { generation, epoch } = 'wanted' in order ? order.wanted : order.tombstone
  return { generation, epoch }
}

function interrupts(next: Order, present: Order): boolean {
  if ('tombstone' in next || 'tombstone' in present) return 'tombstone' in next !== 'tombstone' in present
  const key = ({ wanted }: { wanted: WantedServer }) => JSON.stringify([wanted.power, wanted.powerNonce, wanted.reboot, wanted.root])
  return key(next) !== key(present)
}

function observed(wanted: WantedServer, sight: GuestSight, notes: GuestNotes, converged: boolean): ObservedServer {
  const off = sight.suspended ? 'suspended' : wanted.root.kind === 'image' && sight.root === undefined ? 'building' : 'stopped'
  return {
    power: sight.process === 'none' ? off : sight.process === 'ended' ? 'stopped' : sight.process,
    converged,
    ...(notes.endedNonce !== undefined && { endedNonce: notes.endedNonce }),
    ...(notes.rebootNonce !== undefined && { rebootNonce: notes.rebootNonce }),
    ports: sight.ports, snapshots: notes.snapshots,
    volumes: sight.volumes.map(({ attachmentId }) => attachmentId).filter(id => !sight.volumes.some(v => v.half && v.attachmentId === id) || !wanted.volumes.some(v => v.attachmentId === id)),
  }
}

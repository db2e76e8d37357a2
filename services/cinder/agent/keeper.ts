// The keeper of one disk: makes it what its row says, step by step, reports, and rests until it is woken. One step at a time; a newer order
// interrupts the present one. What fails is tried again after a growing pause, except what no repetition can mend.
import type { DiskTombstone, ObservedDisk, VolumeControl, WantedDisk } from '@alto/contracts/volume-agent'
import type { Clock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import type { DiskStore, ImageBytes } from '../driver/disks.ts'
import { GIB } from '../model/disks.ts'

/** What is to be true of a disk: a row, or that it is no more. */
export type Order = { readonly wanted: WantedDisk } | { readonly tombstone: DiskTombstone }

/** Glance, as far as an agent needs it. */
export interface Images {
  /** The bytes of an image. Throws Fault notFound when it is gone. */
  download(imageId: string, signal: AbortSignal): Promise<ImageBytes>
  /** Gives a queued image its bytes; resolves when it has them, also when it had them before. Throws Fault notFound when it is gone. */
  upload(imageId: string, content: { bytes: number, diskFormat: 'qcow2' | 'raw', read(): ImageBytes }, signal: AbortSignal): Promise<void>
}

/** What keepers work with. */
export interface KeeperTools {
  readonly driver: DiskStore
  readonly images: Images
  readonly clock: Clock
  readonly log: Log
  readonly control: Pick<VolumeControl, 'report'>
  /** Runs `work` when one of few places is free. */
  turn<T>(work: () => Promise<T>): Promise<T>
}

/** What the agent remembers of a disk across its own restarts. */
interface Notes {
  readonly epoch: number
  readonly uploads: ObservedDisk['uploads']
}

const FIRST_PAUSE = 250
const LONGEST_PAUSE = 15_000

export class DiskKeeper {
  readonly diskId: string
  readonly #tools: KeeperTools
  #order: Order
  #working: Promise<void> | undefined
  #step = new AbortController()
  #again = false
  #stopped = false
  /** The order that cannot be carried out. */
  #hopeless: Order | undefined
  #buried = false
  /** Seen ready in this life; rows say so of earlier ones. */
  #made = false

  constructor(tools: KeeperTools, diskId: string, order: Order) {
    this.#tools = { ...tools, log: tools.log.child({ diskId }) }
    this.diskId = diskId
    this.#order = order
  }

  /** The order that counts at present. */
  get order(): Order {
    return this.#order
  }

  /** True when the disk was destroyed as ordered, and this was reported. */
  get finished(): boolean {
    return this.#buried && this.#working === undefined
  }

  /** Takes an order: a newer one counts from now on, the same one is a reason to look, an older one (generation or epoch) is refused. */
  give(order: Order): void {
    const [now, then] = [termsOf(order), termsOf(this.#order)]
    if (now.epoch < then.epoch || now.generation < then.generation) {
      this.#tools.log.warn({ ...now, known: then }, 'an order that is older than the one obeyed is refused')
      return
    }
    if (now.generation > then.generation || ('tombstone' in order && !('tombstone' in this.#order))) {
      this.#order = order
      if ('tombstone' in order) this.#step.abort(new Fault('unavailable', 'cinder.agent.interrupted', 'the disk is not wanted any more'))
    }
    this.wake()
  }

  /** Looks again, now or after the present look. */
  wake(): void {
    if (this.#stopped) return
    this.#again = true
    this.#working ??= this.#work().finally(() => { this.#working = undefined; if (this.#again) this.wake() })
  }

  /** Interrupts what is being done and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#again = false
    this.#step.abort(new Fault('unavailable', 'cinder.agent.interrupted', 'the agent stops'))
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
      this.#step = new AbortController()
      try {
        await this.#tools.turn(() => this.#converge(order, doing))
        pause = FIRST_PAUSE
      } catch (error) {
        if (this.#stopped) return
        this.#again = true
        if (this.#order !== order) continue
        await this.#fail(order, doing.step, error)
        if (isFinal(error)) { this.#hopeless = order; this.#again = false; continue }
        await this.#tools.clock.sleep(pause, this.#step.signal).catch(() => {})
        pause = Math.min(pause * 2, LONGEST_PAUSE)
      }
    }
  }

  async #converge(order: Order, doing: { step: string }): Promise<void> {
    const { driver } = this.#tools
    const notes = await this.#notes()
    const { epoch } = termsOf(order)
    if (epoch < notes.epoch) throw new Fault('conflict', 'cinder.agent.staleEpoch', `an order of epoch ${epoch} is refused: ${notes.epoch} was obeyed already`)
    if ('tombstone' in order) {
      doing.step = 'remove'
      await driver.remove(this.diskId)
      await this.#report(order, ABSENT)
      this.#buried = true
      return
    }
    const { wanted } = order
    const bytes = wanted.sizeGib * GIB
    const isMissing = await driver.look(this.diskId) === undefined
    if (isMissing && (wanted.made === true || this.#made)) {
      doing.step = 'look'
      await driver.replaceLost(this.diskId, bytes)
    } else if (isMissing) {
      doing.step = 'make'
      await this.#report(order, { ...ABSENT, state: 'making', converged: false }, MAKING[wanted.source.kind])
      await this.#make(wanted, bytes)
    }
    const size = await driver.look(this.diskId) ?? 0
    if (size < bytes && !wanted.attached) {
      doing.step = 'grow'
      await driver.grow(this.diskId, bytes)
    }
    this.#made = true
    if (epoch > notes.epoch) await driver.writeNotes(this.diskId, JSON.stringify({ ...notes, epoch }))
    doing.step = 'upload'
    const uploads = await this.#upload(wanted, { ...notes, epoch })
    const sizeBytes = await driver.look(this.diskId) ?? 0
    await this.#report(order, { state: 'ready', converged: sizeBytes >= bytes, sizeBytes, connection: driver.connection(this.diskId), uploads })
  }

  async #make(wanted: WantedDisk, bytes: number): Promise<void> {
    const { driver, images } = this.#tools
    const { signal } = this.#step
    const { source } = wanted
    switch (source.kind) {
      case 'blank': return driver.makeBlank(this.diskId, bytes)
      case 'disk': return driver.makeCopy(this.diskId, { sourceId: source.diskId, bytes }, signal)
      case 'image': return driver.makeFromImage(this.diskId, { image: source.image, bytes }, () => images.download(source.image.id, signal), signal)
    }
  }

  /** Makes the uploads that were not made yet; gives all that the row still names. */
  async #upload(wanted: WantedDisk, notes: Notes): Promise<ObservedDisk['uploads']> {
    const { driver, images } = this.#tools
    const { signal } = this.#step
    const done = notes.uploads.filter(u => wanted.uploads.some(w => w.imageId === u.imageId))
    for (const { imageId, diskFormat } of wanted.uploads.filter(w => !done.some(u => u.imageId === w.imageId))) {
      try {
        await using copy = await driver.copyFor(this.diskId, diskFormat, signal)
        await images.upload(imageId, { bytes: copy.bytes, diskFormat, read: () => copy.read() }, signal)
        done.push({ imageId, state: 'done' })
      } catch (error) {
        if (!isFinal(error)) throw error
        done.push({ imageId, state: 'failed', reason: messageOf(error) })
      }
      await driver.writeNotes(this.diskId, JSON.stringify({ ...notes, uploads: done }))
    }
    return done
  }

  async #notes(): Promise<Notes> {
    const text = await this.#tools.driver.readNotes(this.diskId)
    try {
      return { epoch: 0, uploads: [], ...JSON.parse(text ?? '{}') as Partial<Notes> }
    } catch {
      return { epoch: 0, uploads: [] }
    }
  }

  async #fail(order: Order, step: string, error: unknown): Promise<void> {
    const expected = error instanceof Fault
    this.#tools.log[expected ? 'warn' : 'error']({ step, reason: messageOf(error), ...(!expected && error instanceof Error && { stack: error.stack }) }, 'disk step failed')
    if ('tombstone' in order) return
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
    const fault = {
      step, final: isFinal(error), code: expected ? error.code : full ? 'cinder.disk.noSpace' : 'cinder.disk.unexpected',
      message: expected ? error.message : full ? 'The volume host has no space left.' : 'The volume host met an unexpected error.',
    }
    const sizeBytes = await this.#tools.driver.look(this.diskId).catch(() => undefined)
    await this.#report(order, { state: sizeBytes === undefined ? 'making' : 'ready', converged: false, sizeBytes: sizeBytes ?? 0, uploads: [], fault })
      .catch((failed: unknown) => this.#tools.log.debug({ reason: messageOf(failed) }, 'the failure was not heard'))
  }

  async #report(order: Order, observed: ObservedDisk, progress?: string): Promise<void> {
    await this.#tools.control.report({ diskId: this.diskId, ...termsOf(order), observed, ...(progress !== undefined && { progress }) })
  }
}

const ABSENT: ObservedDisk = { state: 'absent', converged: true, sizeBytes: 0, uploads: [] }
const MAKING = { blank: 'making the disk', image: 'downloading the image', disk: 'copying the disk' } as const

/** True for a failure that trying again cannot mend. */
function isFinal(error: unknown): boolean {
  return error instanceof Fault && error.kind !== 'unavailable' && error.kind !== 'tooManyRequests' && error.kind !== 'unauthenticated'
}

function termsOf(order: Order): { generation: number, epoch: number } {
  const { generation, epoch } = 'wanted' in order ? order.wanted : order.tombstone
  return { generation, epoch }
}

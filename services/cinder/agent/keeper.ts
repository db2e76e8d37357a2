// How one disk is kept: made what its row says, grown, uploaded as images that the row names; then reported. kit/agent's keeper says when: one step at a time,
// the newest order counts, and only the end of the disk interrupts what is being done.
import type { DiskTombstone, ObservedDisk, VolumeControl, WantedDisk } from '@alto/contracts/volume-agent'
import { type Attempt, type Failure, type Keeping, reportedFault, termsOf, type Order as OrderOf } from '@alto/kit/agent'
import type { OpenedImage } from '@alto/kit/disk'
import { Fault, isFinalFault, messageOf } from '@alto/kit/errors'
import type { DiskStore, ImageBytes } from '../driver/disks.ts'
import { GIB } from '../model/disks.ts'

/** What is to be true of a disk: a row, or that it is no more. */
export type Order = OrderOf<WantedDisk, DiskTombstone>

/** Glance, as far as an agent needs it. */
export interface Images {
  /** Opens an image, whose sha512 is to be this one (whoever reads it makes sure). Throws Fault notFound when it is gone. */
  open(image: { id: string, sha512: string }, signal: AbortSignal): Promise<OpenedImage>
  /** Gives a queued image its bytes; resolves when it has them, also when it had them before. Throws Fault notFound when it is gone. */
  upload(imageId: string, content: { bytes: number, diskFormat: 'qcow2' | 'raw', read(): ImageBytes }, signal: AbortSignal): Promise<void>
}

/** What keepers work with. */
export interface KeeperTools {
  readonly driver: DiskStore
  readonly images: Images
  readonly control: Pick<VolumeControl, 'report'>
  /** Runs `work` when one of few places is free. */
  turn<T>(work: () => Promise<T>): Promise<T>
}

/** What the agent remembers of a disk across its own restarts. */
interface Notes {
  readonly epoch: number
  readonly uploads: ObservedDisk['uploads']
}

const WORDS = {
  full: { code: 'cinder.disk.noSpace', message: 'The volume host has no space left.' },
  unforeseen: { code: 'cinder.disk.unexpected', message: 'The volume host met an unexpected error.' },
}

/** What the keeper of disk `diskId` does. */
export class DiskKeeping implements Keeping<Order> {
  readonly diskId: string
  readonly #tools: KeeperTools
  /** Seen ready in this life; rows say so of earlier ones. */
  #made = false

  constructor(tools: KeeperTools, diskId: string) {
    this.#tools = tools
    this.diskId = diskId
  }

  interrupts(next: Order): boolean {
    return 'tombstone' in next
  }

  /** Has one of few places while it works; a disk that is served to another host waits for none, because a guest waits for it. */
  converge(attempt: Attempt<Order>): Promise<void> {
    const { order } = attempt.next()
    const isServed = 'wanted' in order && (order.wanted.exports ?? []).length > 0
    return isServed ? this.#converge(attempt) : this.#tools.turn(() => this.#converge(attempt))
  }

  async #converge(attempt: Attempt<Order>): Promise<void> {
    const { driver } = this.#tools
    const { order, signal } = attempt.next()
    const notes = await this.#notes()
    const { epoch } = termsOf(order)
    if (epoch < notes.epoch) throw new Fault('conflict', 'cinder.agent.staleEpoch', `an order of epoch ${epoch} is refused: ${notes.epoch} was obeyed already`)
    if ('tombstone' in order) {
      attempt.begin('remove')
      await driver.remove(this.diskId)
      await this.#report(order, ABSENT)
      return
    }
    const { wanted } = order
    const bytes = wanted.sizeGib * GIB
    const isMissing = await driver.look(this.diskId) === undefined
    if (isMissing && (wanted.made === true || this.#made)) {
      attempt.begin('look')
      await driver.replaceLost(this.diskId, bytes)
    } else if (isMissing) {
      attempt.begin('make')
      await this.#report(order, { ...ABSENT, state: 'making', converged: false }, MAKING[wanted.source.kind])
      await this.#make(wanted, bytes, signal)
    }
    attempt.begin('export')
    await driver.serve(this.diskId, wanted.exports ?? [])
    const size = await driver.look(this.diskId) ?? 0
    if (size < bytes && !wanted.attached) {
      attempt.begin('grow')
      await driver.grow(this.diskId, bytes)
    }
    this.#made = true
    if (epoch > notes.epoch) await driver.writeNotes(this.diskId, JSON.stringify({ ...notes, epoch }))
    attempt.begin('upload')
    const uploads = await this.#upload(wanted, { ...notes, epoch }, signal)
    const sizeBytes = await driver.look(this.diskId) ?? 0
    await this.#report(order, { state: 'ready', converged: sizeBytes >= bytes, sizeBytes, connection: driver.connection(this.diskId), uploads })
  }

  async #make(wanted: WantedDisk, bytes: number, signal: AbortSignal): Promise<void> {
    const { driver, images } = this.#tools
    const { source } = wanted
    switch (source.kind) {
      case 'blank': return driver.makeBlank(this.diskId, bytes)
      case 'disk': return driver.makeCopy(this.diskId, { sourceId: source.diskId, bytes }, signal)
      case 'image': return driver.makeFromImage(this.diskId, { image: source.image, bytes }, () => images.open(source.image, signal), signal)
    }
  }

  /** Makes the uploads that were not made yet; gives all that the row still names. */
  async #upload(wanted: WantedDisk, notes: Notes, signal: AbortSignal): Promise<ObservedDisk['uploads']> {
    const { driver, images } = this.#tools
    const done = notes.uploads.filter(u => wanted.uploads.some(w => w.imageId === u.imageId))
    for (const { imageId, diskFormat } of wanted.uploads.filter(w => !done.some(u => u.imageId === w.imageId))) {
      try {
        await using copy = await driver.copyFor(this.diskId, diskFormat, signal)
        await images.upload(imageId, { bytes: copy.bytes, diskFormat, read: () => copy.read() }, signal)
        done.push({ imageId, state: 'done' })
      } catch (error) {
        if (!isFinalFault(error)) throw error
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

  async fail(order: Order, failure: Failure): Promise<void> {
    const sizeBytes = await this.#tools.driver.look(this.diskId).catch(() => undefined)
    await this.#report(order, { state: sizeBytes === undefined ? 'making' : 'ready', converged: false, sizeBytes: sizeBytes ?? 0, uploads: [], fault: reportedFault(failure, WORDS), ...(sizeBytes !== undefined && { connection: this.#tools.driver.connection(this.diskId) }) })
  }

  async #report(order: Order, observed: ObservedDisk, progress?: string): Promise<void> {
    await this.#tools.control.report({ diskId: this.diskId, ...termsOf(order), observed, ...(progress !== undefined && { progress }) })
  }
}

const ABSENT: ObservedDisk = { state: 'absent', converged: true, sizeBytes: 0, uploads: [] }
const MAKING = { blank: 'making the disk', image: 'downloading the image', disk: 'copying the disk' } as const

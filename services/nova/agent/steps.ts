// Carrying out one step on one guest. Long steps end early when `signal` aborts, because something else is wanted by now.
import type { WantedServer } from '@alto/contracts/compute-agent'
import type { Clock } from '@alto/kit/clock'
import type { OpenedImage } from '@alto/kit/disk'
import { Fault, isFinalFault, messageOf } from '@alto/kit/errors'
import type { Hypervisor, ImageBytes } from '../driver/hypervisor.ts'
import { withCopy, type Step } from '../model/convergence.ts'
import { GIB, type CopyOutcome, type GuestNotes, type GuestPort, type GuestSnapshot, type SnapshotOutcome } from '../model/guests.ts'
import { writeNotes } from './notes.ts'

/** Glance, as far as an agent needs it. */
export interface Images {
  /** Opens an image, whose sha512 is to be this one (whoever reads it makes sure). Throws Fault notFound when it is gone. */
  open(image: { id: string, sha512: string }, signal: AbortSignal): Promise<OpenedImage>
  /** Gives a queued image its bytes; resolves when it has them, also when it had them before (an upload whose end was not heard of). Throws Fault notFound when it is gone. */
  upload(imageId: string, content: { bytes: number, diskFormat: 'qcow2' | 'raw', read(): ImageBytes }, signal: AbortSignal): Promise<void>
}

/** What steps are done with. */
export interface Tools {
  readonly driver: Hypervisor
  readonly images: Images
  readonly clock: Clock
}

/** How a step tells what it waits for. */
export type Progress = (what: string) => void

const POWER_POLL = 200
const TAP_POLL = 50
const TAP_DEADLINE = 60_000

/** Does `step` for `wanted`. Repeating it after an interruption anywhere is harmless. Throws what the driver throws, and Fault unavailable `nova.guest.tapMissing`. */
export async function carryOut(tools: Tools, wanted: WantedServer, state: { step: Step, notes: GuestNotes }, progress: Progress, signal: AbortSignal): Promise<void> {
  const { driver } = tools
  const { step, notes } = state
  const { id } = wanted
  const note = (more: Partial<GuestNotes>) => writeNotes(driver, id, { ...notes, ...more })
  const begun = { startedNonce: wanted.powerNonce, ...(wanted.reboot && { rebootNonce: wanted.reboot.nonce }) }
  switch (step.do) {
    case 'makeRoot': {
      if (wanted.root.kind === 'volume') return
      const { image, revision, diskGib } = wanted.root
      progress('preparing the disk')
      await driver.makeRoot(id, { image, revision, bytes: diskGib * GIB }, () => tools.images.open(image, signal), signal)
      return
    }
    case 'growRoot': await driver.growRoot(id, step.bytes); return
    case 'start':
      for (const port of wanted.ports) await tapOf(tools, port, progress, signal)
      await note(begun)
      await driver.start(wanted)
      return
    case 'powerDown': await powerDown(tools, wanted, progress, signal); return
    case 'kill': await driver.kill(id); return
    case 'reset':
      await driver.reset(id)
      await note(begun)
      return
    case 'pause': await driver.pause(id); return
    case 'resume': await driver.resume(id); return
    case 'suspend':
      progress('saving the memory')
      await driver.suspend(id, signal)
      return
    case 'forgetMemory': await driver.forgetMemory(id); return
    case 'note': await note(step.notes); return
    case 'unplugPort': await driver.unplugPort(id, step.portId); return
    case 'unplugVolume': await driver.unplugVolume(id, step.attachmentId); return
    case 'plugPort':
      await tapOf(tools, step.port, progress, signal)
      await driver.plugPort(id, step.port)
      return
    case 'plugVolume': await driver.plugVolume(id, step.volume); return
    case 'growVolume': await driver.growVolume(id, step.attachmentId, step.bytes); return
    case 'snapshot':
      progress(`making snapshot ${step.snapshot.imageId}`)
      await note({ snapshots: [...notes.snapshots, await snapshot(tools, id, step.snapshot, signal)] })
      return
    case 'copyVolume':
      progress(`copying volume ${step.volume.id}`)
      await note({ copies: withCopy(wanted, notes, await copyOf(driver, id, step, signal)) })
  }
}

/** Ends a guest for good of the host, not of the guest: politely for `timeoutMs`, then by force. Notes are not touched, so it is no end by itself. */
export async function shutDown(tools: Pick<Tools, 'driver' | 'clock'>, id: string, timeoutMs: number): Promise<void> {
  if ((await tools.driver.look(id)).process === 'running') await endsByButton(tools, id, timeoutMs)
  await tools.driver.kill(id)
}

async function tapOf({ driver, clock }: Tools, port: GuestPort, progress: Progress, signal: AbortSignal): Promise<void> {
  for (let waited = 0, pause = TAP_POLL; !await driver.tapReady(port.tap); waited += pause, pause = Math.min(pause * 1.5, 1000)) {
    if (waited === 0) progress(`waiting for port ${port.id}`)
    if (waited > TAP_DEADLINE) throw new Fault('unavailable', 'nova.guest.tapMissing', `port ${port.id} has not been wired on this host`)
    await clock.sleep(pause, signal)
  }
}

async function powerDown(tools: Tools, { id, shutdownTimeoutMs }: WantedServer, progress: Progress, signal: AbortSignal): Promise<void> {
  progress('waiting for the guest to shut down')
  if (!await endsByButton(tools, id, shutdownTimeoutMs, signal)) await tools.driver.kill(id)
}

/** True when the guest does not run any more, false when it still does after `timeoutMs`. */
async function endsByButton({ driver, clock }: Pick<Tools, 'driver' | 'clock'>, id: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  await driver.powerButton(id)
  for (const until = clock.now() + timeoutMs; (await driver.look(id)).process === 'running'; await clock.sleep(POWER_POLL, signal)) {
    if (clock.now() >= until) return false
  }
  return true
}

async function snapshot({ driver, images }: Tools, id: string, { imageId, diskFormat }: GuestSnapshot, signal: AbortSignal): Promise<SnapshotOutcome> {
  try {
    await using copy = await driver.snapshot(id, diskFormat, signal)
    await images.upload(imageId, { bytes: copy.bytes, diskFormat, read: () => copy.read() }, signal)
    return { imageId, state: 'done' }
  } catch (error) {
    if (!isFinalFault(error)) throw error
    return { imageId, state: 'failed', reason: messageOf(error) }
  }
}

async function copyOf(driver: Hypervisor, id: string, { copy, volume }: Extract<Step, { do: 'copyVolume' }>, signal: AbortSignal): Promise<CopyOutcome> {
  try {
    await driver.copyVolume(id, volume, copy, signal)
    return { id: copy.id, state: 'done' }
  } catch (error) {
    if (!isFinalFault(error)) throw error
    return { id: copy.id, state: 'failed', reason: messageOf(error) }
  }
}

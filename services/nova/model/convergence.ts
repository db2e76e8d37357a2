// Which one step brings a guest nearer to what is wanted of it.
//
// The agent looks at the guest, asks `nextStep`, does that step, and looks again until there is none. Properties, each a test:
// - *it ends*: from every sight, doing the steps reaches a sight with no step left (each step strictly lowers the distance);
// - *it is memoryless*: the step follows from what is seen and noted now, so a crash after any step changes nothing;
// - *a guest that ended by itself stays off* until a new powerNonce (or reboot) asks for it, but one whose process vanished
//   (host reboot, kill -9 of the emulator) is started again: wanting it to run is still true, and nobody asked it to end;
// - *a reboot happens once*: its nonce is noted with the step that carries it out;
// - *nothing is taken from a running guest but what is no longer wanted*, and power comes before plugs, so that a guest which
//   does not let go of a device can always be stopped.
// - *a copy of a volume comes last*: it is made of a guest that is as it is wanted, and starts over, of a later moment, when that changes.
// What would break them: a step that depends on which step came before; a note written before its effect, unless what is then seen leads to that
// effect anyway (a start is noted before it is done: without a process the next look starts the guest; a reset is noted after it: at worst it is repeated).
import { GIB, type CopyOutcome, type GuestCopy, type GuestNotes, type GuestPort, type GuestSight, type GuestSnapshot, type GuestVolume, type WantedGuest } from './guests.ts'

/** One thing to do; `kill` and `start` are the only ones that a dead guest and a live one need to change places; a kill takes the rests of a dead one away too. */
export type Step =
  | { readonly do: 'makeRoot' }
  | { readonly do: 'growRoot', readonly bytes: number }
  | { readonly do: 'start' }
  /** Press the power button, wait, and cut the power when it takes too long. */
  | { readonly do: 'powerDown' }
  | { readonly do: 'kill' }
  /** Start over the guest that ended for a soft reboot, in the same process. */
  | { readonly do: 'reset' }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'suspend' }
  | { readonly do: 'forgetMemory' }
  | { readonly do: 'note', readonly notes: Partial<GuestNotes> }
  | { readonly do: 'unplugPort', readonly portId: string }
  | { readonly do: 'unplugVolume', readonly attachmentId: string }
  | { readonly do: 'plugPort', readonly port: GuestPort }
  | { readonly do: 'plugVolume', readonly volume: GuestVolume }
  | { readonly do: 'growVolume', readonly attachmentId: string, readonly bytes: number }
  | { readonly do: 'snapshot', readonly snapshot: GuestSnapshot }
  | { readonly do: 'copyVolume', readonly copy: GuestCopy, readonly volume: GuestVolume }

/** The next step towards `wanted`, or undefined when all of it is so. */
export function nextStep(wanted: WantedGuest, sight: GuestSight, notes: GuestNotes): Step | undefined {
  return rootStep(wanted, sight) ?? powerStep(wanted, sight, notes) ?? plugStep(wanted, sight) ?? snapshotStep(wanted, notes) ?? copyStep(wanted, notes)
}

function rootStep({ root }: WantedGuest, sight: GuestSight): Step | undefined {
  if (root.kind === 'volume') return undefined
  if (sight.root === undefined || sight.root.revision < root.revision) return sight.process === 'none' ? { do: 'makeRoot' } : { do: 'kill' }
  const bytes = root.diskGib * GIB
  return sight.process === 'none' && !sight.suspended && sight.root.bytes < bytes ? { do: 'growRoot', bytes } : undefined
}

function powerStep(wanted: WantedGuest, sight: GuestSight, notes: GuestNotes): Step | undefined {
  if (wanted.power === 'stopped') {
    if (sight.process === 'none') return sight.suspended ? { do: 'forgetMemory' } : undefined
    return sight.process === 'running' && wanted.shutdownTimeoutMs > 0 ? { do: 'powerDown' } : { do: 'kill' }
  }
  if (wanted.power === 'suspended') {
    if (sight.process === 'running' || sight.process === 'paused') return { do: 'suspend' }
    return sight.process === 'none' ? undefined : { do: 'kill' }
  }
  const newStart = notes.startedNonce !== wanted.powerNonce
  const reboot = wanted.reboot && wanted.reboot.nonce !== notes.rebootNonce ? wanted.reboot : undefined
  switch (sight.process) {
    case 'none': return notes.endedNonce === wanted.powerNonce && !reboot ? undefined : { do: 'start' }
    case 'crashed': return newStart || reboot ? { do: 'kill' } : undefined
    case 'ended':
      if (reboot) return { do: 'reset' }
      if (newStart) return { do: 'kill' }
      return notes.endedNonce === wanted.powerNonce ? { do: 'kill' } : { do: 'note', notes: { endedNonce: wanted.powerNonce } }
    case 'running': case 'paused':
      if (reboot) return reboot.kind === 'soft' && sight.process === 'running' && wanted.shutdownTimeoutMs > 0 ? { do: 'powerDown' } : { do: 'kill' }
      if (newStart) return { do: 'note', notes: { startedNonce: wanted.powerNonce } }
      if (sight.process === wanted.power) return undefined
      return wanted.power === 'paused' ? { do: 'pause' } : { do: 'resume' }
  }
}

function plugStep(wanted: WantedGuest, sight: GuestSight): Step | undefined {
  if (sight.process === 'none' && sight.volumes.length > 0) return { do: 'kill' }           // links of a process that vanished
  if (sight.process !== 'running' && sight.process !== 'paused') return undefined
  const goneVolume = sight.volumes.find(plugged => !wanted.volumes.some(volume => volume.attachmentId === plugged.attachmentId))
  if (goneVolume) return { do: 'unplugVolume', attachmentId: goneVolume.attachmentId }
  const gonePort = sight.ports.find(plugged => !wanted.ports.some(port => port.id === plugged))
  if (gonePort !== undefined) return { do: 'unplugPort', portId: gonePort }
  const port = wanted.ports.find(({ id }) => !sight.ports.includes(id))
  if (port) return { do: 'plugPort', port }
  for (const volume of wanted.volumes) {
    const plugged = sight.volumes.find(({ attachmentId }) => attachmentId === volume.attachmentId)
    if (!plugged || plugged.half || plugged.cut) return { do: 'plugVolume', volume }
    const bytes = volume.sizeGib * GIB
    if (plugged.bytes < bytes && !volume.readOnly) return { do: 'growVolume', attachmentId: volume.attachmentId, bytes }
  }
  return undefined
}

function snapshotStep(wanted: WantedGuest, notes: GuestNotes): Step | undefined {
  const snapshot = wanted.snapshots.find(({ imageId }) => !notes.snapshots.some(outcome => outcome.imageId === imageId))
  return snapshot && { do: 'snapshot', snapshot }
}

function copyStep({ copies = [], volumes }: WantedGuest, notes: GuestNotes): Step | undefined {
  const copy = copies.find(({ id }) => !notes.copies.some(outcome => outcome.id === id))
  if (!copy) return undefined
  const volume = volumes.find(({ attachmentId }) => attachmentId === copy.attachmentId)
  return volume ? { do: 'copyVolume', copy, volume } : { do: 'note', notes: { copies: withCopy({ copies }, notes, { id: copy.id, state: 'failed', reason: 'the volume was detached before it was copied' }) } }
}

/** The outcomes to note when one is added: of copies that are wanted still. */
export function withCopy({ copies = [] }: Pick<WantedGuest, 'copies'>, notes: GuestNotes, outcome: CopyOutcome): CopyOutcome[] {
  return [...notes.copies.filter(known => copies.some(({ id }) => id === known.id)), outcome]
}

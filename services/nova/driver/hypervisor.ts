// What the agent needs of a hypervisor. Each call is safe to repeat, and to repeat after a crash in the middle of it; deciding what to call is the agent's.
import type { ImageSource } from '@alto/kit/disk'
import type { GuestCopy, GuestImage, GuestPort, GuestSight, GuestSpec, GuestVolume, HypervisorResources, MarkedThing } from '../model/guests.ts'

/** Bytes of an image, as they come. */
export type ImageBytes = AsyncIterable<Uint8Array>

/** A finished copy of a root disk; disposing of it removes the copy. */
export interface SnapshotFile extends AsyncDisposable {
  readonly bytes: number
  read(): ImageBytes
}

/** Where a console is. */
export type Console = { readonly kind: 'unix', readonly path: string } | { readonly kind: 'text', readonly text: string }

/** The guests of one cloud on one host. */
export interface Hypervisor {
  resources(): Promise<HypervisorResources>
  /** Everything on the host that carries the cloud's mark. */
  marked(): Promise<MarkedThing[]>
  /** What can be seen of a guest now; of one that is unknown: no process, no disk. */
  look(id: string): Promise<GuestSight>
  /** Calls `listener` when something may have changed for a guest. A hint: look to know. The function returned ends it. */
  watch(listener: (id: string) => void): () => void
  /** The agent's notes on a guest, undefined when there are none. Kept as long as the guest's disks. */
  readNotes(id: string): Promise<string | undefined>
  writeNotes(id: string, text: string): Promise<void>
  /** The agent's notes on the host as a whole. */
  readHostNotes(): Promise<string | undefined>
  writeHostNotes(text: string): Promise<void>
  /** True when the network's end of a port is there. */
  tapReady(tap: string): Promise<boolean>

  /**
   * Makes the root disk of `revision`, and removes those of others. `open` is called when the image is not in the host's cache.
   * Throws Fault badRequest `nova.image.checksum`, `disk.formatMismatch`, `disk.unsafe`, `nova.image.tooLarge` when the image cannot be used.
   */
  makeRoot(id: string, root: { image: GuestImage, revision: number, bytes: number }, open: ImageSource, signal: AbortSignal): Promise<void>
  /** Grows the root disk of a guest that does not run. */
  growRoot(id: string, bytes: number): Promise<void>
  /** Starts the guest, or continues it from its saved memory; nothing when it has a process. Taps must be ready. Throws Fault unavailable `nova.guest.startFailed`. */
  start(spec: GuestSpec): Promise<void>
  /** Presses the power button; whether the guest heeds it is to be seen. */
  powerButton(id: string): Promise<void>
  /** Resets the machine and lets it run. */
  reset(id: string): Promise<void>
  /** Ends the process if there is one. */
  kill(id: string): Promise<void>
  pause(id: string): Promise<void>
  resume(id: string): Promise<void>
  /** Saves the memory to disk and ends the process. */
  suspend(id: string, signal: AbortSignal): Promise<void>
  /** Throws away saved memory. */
  forgetMemory(id: string): Promise<void>

  plugPort(id: string, port: GuestPort): Promise<void>
  /** Takes the port from the guest. Throws Fault unavailable `nova.guest.deviceBusy` while the guest does not let go. */
  unplugPort(id: string, portId: string): Promise<void>
  plugVolume(id: string, volume: GuestVolume): Promise<void>
  /** Takes the volume from the guest; its file is closed when this returns. Throws Fault unavailable `nova.guest.deviceBusy` while the guest does not let go. */
  unplugVolume(id: string, attachmentId: string): Promise<void>
  growVolume(id: string, attachmentId: string, bytes: number): Promise<void>

  /** Copies the root disk, of one moment, into a file of `format` that depends on no other. Works on a running guest. */
  snapshot(id: string, format: 'qcow2' | 'raw', signal: AbortSignal): Promise<SnapshotFile>
  /**
   * Copies what a volume of the guest holds, of one moment, into `copy.to`, a disk of its size that nobody else has open: all of it is overwritten. The guest goes on,
   * and suffers nothing when the target is slow, full or lost; a volume that is not plugged is read where it lies. Nothing of the copying is left on this host, also when it ended
   * early. Throws Fault unavailable `nova.guest.copyFailed`, and what makes a volume's link throw.
   */
  copyVolume(id: string, volume: GuestVolume, copy: GuestCopy, signal: AbortSignal): Promise<void>
  /** The last `lines` lines of the console's log, or all that is kept. */
  consoleLog(id: string, lines?: number): Promise<string>
  /** Throws Fault conflict `nova.guest.notRunning`. */
  console(id: string, kind: 'vnc' | 'serial'): Promise<Console>
  /** Removes what only takes room: cached images that no guest's disk stands on and that nobody wanted for `unusedMs`. */
  tidy(unusedMs: number): Promise<void>
  /** Removes the guest: process, disks, logs, notes. Volumes are only closed. */
  destroy(id: string): Promise<void>
  /** Lets go of what this process holds (connections, timers); guests go on. */
  close(): Promise<void>
}

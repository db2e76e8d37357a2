// What a guest's machine consists of, kept beside its disk: saved memory fits only the very same machine, each device in the very same slot,
// whatever is wanted of the guest by the time it goes on.
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { GuestPort, GuestSpec, GuestVolume } from '../../model/guests.ts'
import type { GuestFiles } from './files.ts'
import type { Qmp } from './qmp.ts'

/** A machine as it was started and changed since. Its config drive's content is not repeated here: it may be secret. */
export interface Machine {
  readonly spec: GuestSpec
  /** PCI slots by device id; known once it was suspended. */
  readonly slots: Readonly<Record<string, number>>
}

/** The machine that was last kept; undefined when there was none. */
export async function readMachine(files: GuestFiles): Promise<Machine | undefined> {
  const text = await readFile(files.machine, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : JSON.parse(text) as Machine
}

/** Keeps the machine that is started from `spec`. */
export async function keepMachine(files: GuestFiles, spec: GuestSpec): Promise<void> {
  await write(files, { spec: { ...spec, ...(spec.configDrive && { configDrive: [] }) }, slots: {} })
}

/** Keeps what was plugged (a port or volume takes the place of one with its id) or unplugged. */
export async function keepPlugs(files: GuestFiles, change: (plugs: { ports: readonly GuestPort[], volumes: readonly GuestVolume[] }) => { ports?: readonly GuestPort[], volumes?: readonly GuestVolume[] }): Promise<void> {
  const machine = await readMachine(files)
  if (machine) await write(files, { ...machine, spec: { ...machine.spec, ...change(machine.spec) } })
}

/** Keeps the slots that the devices of a guest are in. */
export async function keepSlots(files: GuestFiles, qmp: Qmp): Promise<void> {
  const machine = await readMachine(files)
  const buses = await qmp.execute('query-pci') as { devices: { slot: number, qdev_id: string }[] }[]
  const slots = buses.flatMap(({ devices }) => devices).filter(({ qdev_id: id }) => id !== '').map(({ qdev_id: id, slot }) => [id, slot])
  if (machine) await write(files, { ...machine, slots: Object.fromEntries(slots) as Record<string, number> })
}

async function write(files: GuestFiles, machine: Machine): Promise<void> {
  await writeFile(`${files.machine}.part`, JSON.stringify(machine), { mode: 0o600 })
  await rename(`${files.machine}.part`, files.machine)
}

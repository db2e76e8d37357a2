// The agent's notes as the driver keeps them: JSON text. Unreadable notes count as none, because everything in them is repaired by looking again.
import type { Hypervisor } from '../driver/hypervisor.ts'
import { NO_NOTES, type GuestNotes } from '../model/guests.ts'

/** The notes on a guest; NO_NOTES when there are none. */
export async function readNotes(driver: Hypervisor, serverId: string): Promise<GuestNotes> {
  return { ...NO_NOTES, ...parsed<GuestNotes>(await driver.readNotes(serverId)) }
}

/** Replaces the notes on a guest. */
export async function writeNotes(driver: Hypervisor, serverId: string, notes: GuestNotes): Promise<void> {
  await driver.writeNotes(serverId, JSON.stringify(notes))
}

/** The largest database epoch that this host has seen; 0 at first. */
export async function readDatabaseEpoch(driver: Hypervisor): Promise<number> {
  return parsed<{ databaseEpoch?: number }>(await driver.readHostNotes()).databaseEpoch ?? 0
}

/** Notes the database epoch that this host has seen. */
export async function writeDatabaseEpoch(driver: Hypervisor, databaseEpoch: number): Promise<void> {
  await driver.writeHostNotes(JSON.stringify({ databaseEpoch }))
}

function parsed<Shape>(text: string | undefined): Partial<Shape> {
  try {
    return text === undefined ? {} : JSON.parse(text) as Partial<Shape>
  } catch {
    return {}
  }
}

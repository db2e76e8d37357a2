// A file of the operator's: read once, or again when it changes.
import { readFile, stat } from 'node:fs/promises'
import { repeat, type Clock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'

/** What the file said when it was last read and made sense. */
export interface FollowedFile<Meaning> {
  current(): Meaning
  stop(): Promise<void>
}

/** Milliseconds between two looks at it. */
const LOOK = 1000

/** What the file at `path`, which the option `name` names, says to `read`. Throws Fault('badRequest', 'glance.file') with what to mend. */
export async function readFileOf<Meaning>(name: string, path: string, read: (text: string) => Meaning): Promise<Meaning> {
  try {
    return read(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new Fault('badRequest', 'glance.file', `The option glance.${name} names ${path}, which cannot be used: ${messageOf(cause)}.`, { cause })
  }
}

/**
 * Follows the file at `path`, whose text `read` understands. A file that is missing or makes no sense is an Error at the start; later it is logged, and what held holds.
 */
export async function followFile<Meaning>(path: string, read: (text: string) => Meaning, { clock, log }: { clock: Clock, log: Log }): Promise<FollowedFile<Meaning>> {
  const stamp = async () => {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  }
  let seen = await stamp()
  let meaning = await understood()

  async function understood(): Promise<Meaning> {
    try {
      return read(await readFile(path, 'utf8'))
    } catch (cause) {
      throw new Error(`${path}: ${messageOf(cause)}`, { cause })
    }
  }

  const stop = repeat(clock, LOOK, async () => {
    const now = await stamp().catch(() => 'gone')
    if (now === seen) return
    seen = now
    try {
      meaning = await understood()
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'a file is not used: what it said before holds')
    }
  })
  return { current: () => meaning, stop }
}

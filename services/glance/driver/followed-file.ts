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

/** The same, and again when the file changes. One that is missing or makes no sense at the start is the same Fault; later it is logged, and what it said before holds. */
export async function followFile<Meaning>(name: string, path: string, read: (text: string) => Meaning, { clock, log }: { clock: Clock, log: Log }): Promise<FollowedFile<Meaning>> {
  const stamp = async () => {
    try {
      const { mtimeMs, size, ino } = await stat(path)
      return `${mtimeMs} ${size} ${ino}`
    } catch {
      return 'gone'                                               // reading it says why
    }
  }
  let seen = await stamp()
  let meaning = await readFileOf(name, path, read)
  const stop = repeat(clock, LOOK, async () => {
    const now = await stamp()
    if (now === seen) return
    seen = now
    try {
      meaning = await readFileOf(name, path, read)
    } catch (error) {
      log.error({ reason: messageOf(error) }, 'a file is not used: what it said before holds')
    }
  })
  return { current: () => meaning, stop }
}

// Password hashes: bcrypt on the thread pool, at most two at once, so that a storm of logins leaves the API its loop and a core.
import { hash, verify } from '@node-rs/bcrypt'
import { Fault } from '@alto/kit/errors'

/** Makes and checks hashes. */
export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes the same time whether there is a hash or not. */
  matches(password: string, stored: string | null): Promise<boolean>
}

const AT_ONCE = 2
const WAITING = 100
const BCRYPT_BYTES = 72
const LOWEST_COST = 4
const LONG = 20

/** Hashes of the given cost. Both calls throw Fault('unavailable', 'keystone.busy') when more than 100 wait already. */
export function bcryptPasswords(rounds: number): Passwords {
  let running = 0
  const waiting: (() => void)[] = []
  let nobody: Promise<string> | undefined              // made at the first need: it costs as much as a login

  async function limited<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= WAITING) throw new Fault('unavailable', 'keystone.busy', 'Too many logins at once. Try again in a moment.')
      await new Promise<void>(resolve => waiting.push(resolve))
    }
    running++
    try {
      return await work()
    } finally {
      running--
      waiting.shift()?.()
    }
  }

  return {
    hash: password => limited(() => hash(cut(password), rounds)),
    matches: async (password, stored) => await limited(async () => verify(cut(password), stored ?? await (nobody ??= hash('no user has this password', rounds)))) && stored !== null,
  }
}

/** The same, but long passwords are hashed at the lowest cost: for those that a cloud makes itself, long and random, which no dictionary has. A short one somebody chose. */
export function cheapWhenLong(passwords: Passwords): Passwords {
  const cheap = bcryptPasswords(LOWEST_COST)
  return { hash: password => (password.length >= LONG ? cheap : passwords).hash(password), matches: passwords.matches }
}

/** bcrypt reads 72 bytes and no more; upstream cuts there too. */
function cut(password: string): Buffer {
  return Buffer.from(password, 'utf8').subarray(0, BCRYPT_BYTES)
}

// Key repositories: directories of numbered files, one key in each, as upstream lays them out.
//
// 0 is staged, the highest is the primary and makes things, all of them read things. A rotation makes the staged key primary and stages
// another. Processes share the directory and read it again at most once a second, so what a rotation needs is that everybody knew the key
// before anybody used it: a key is staged for some seconds at least before it becomes primary. And nobody may still need a key that goes:
// it goes when what it made last has ended, however often somebody rotates. No process is told, stopped or started for any of it.
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import type { Ids } from '@alto/kit/ids'

/** A kind of key: how one is made, and read from its file's text. */
export interface KeyKind<K> {
  make(ids: Ids): string
  /** Undefined when the text holds none. */
  read(text: string): K | undefined
}

/** 32 bytes in base64: 16 to sign, 16 to encrypt. */
export const FERNET: KeyKind<Buffer> = {
  make: ids => ids.bytes(32).toString('base64url'),
  read(text) {
    const key = Buffer.from(text, 'base64url')
    return key.length === 32 ? key : undefined
  },
}

/** Private keys of the curve P-256, in PEM (PKCS 8): for ES256. */
export const P256: KeyKind<KeyObject> = {
  make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  read(text) {
    try {
      const key = createPrivateKey(text)
      return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
    } catch { return undefined }
  },
}

/** The keys of one directory, as they were within the last second. */
export interface KeyRepository<K = Buffer> {
  /** The one that makes things first. */
  readonly keys: readonly K[]
  /** Moves on when the keys have changed. */
  readonly generation: number
  /** Reads the directory again, unless that was done within the last second. To be awaited before `keys` are used. */
  refresh(): Promise<void>
}

/** All the keys of a cloud. */
export interface Keys {
  tokens: KeyRepository
  receipts: KeyRepository
  credentials: KeyRepository
  /** Of tokens that are signed (JWS) and not encrypted. */
  signing: KeyRepository<KeyObject>
}

/** The directories of a cloud's keys, below its own. */
export const KEY_DIRECTORIES = { token: 'fernet', receipt: 'receipt', credential: 'credential', jws: 'jws' } as const

/** What keys are for. */
export type KeyUse = keyof typeof KEY_DIRECTORIES

const KINDS: Readonly<Record<KeyUse, KeyKind<unknown>>> = { token: FERNET, receipt: FERNET, credential: FERNET, jws: P256 }
const TRUSTED = 1000                     // milliseconds since the directory was read, or till then, when the clock was set back
const STAGED = 5000                      // milliseconds that a key is staged before it may become primary

interface Around { ids: Ids, clock: Clock }

/** Opens all the repositories below `dir`, and makes the first keys of those that have none. */
export async function openAllKeys(dir: string, around: Around): Promise<Keys> {
  const at = (use: KeyUse) => join(dir, KEY_DIRECTORIES[use])
  const [tokens, receipts, credentials, signing] = await Promise.all([openKeys(at('token'), FERNET, around), openKeys(at('receipt'), FERNET, around), openKeys(at('credential'), FERNET, around), openKeys(at('jws'), P256, around)])
  return { tokens, receipts, credentials, signing }
}

/** Opens the repository in `dir` and makes its first two keys when it is empty. Files are readable by their owner only. */
export async function openKeys<K>(dir: string, kind: KeyKind<K>, { ids, clock }: Around): Promise<KeyRepository<K>> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const present = await numbersIn(dir)
  if (!present.includes(0)) await addNew(dir, 0, kind.make(ids), { ids, clock })
  if (present.every(n => n === 0)) await addNew(dir, 1, kind.make(ids), { ids, clock })
  let texts = await readTexts(dir)
  let keys = keysOf(dir, kind, texts)
  let generation = 0
  let readAt = clock.now()
  let reading: Promise<void> | undefined

  /** A directory that cannot be read (a share that is away) leaves the keys as they were known. */
  async function reread(): Promise<void> {
    readAt = clock.now()
    const now = await readTexts(dir).catch(() => texts)
    if (isDeepStrictEqual(now, texts)) return
    try {
      keys = keysOf(dir, kind, now)
      texts = now
      generation++
    } catch { /* nor does one that holds something else */ }
  }

  return {
    get keys() { return keys },
    get generation() { return generation },
    async refresh() {
      if (reading || Math.abs(clock.now() - readAt) >= TRUSTED) await (reading ??= reread().finally(() => { reading = undefined }))
    },
  }
}

/**
 * The staged key becomes the primary, and another is staged. Gives the number of the new primary. Throws Fault('notFound', 'keystone.keys.none'), and
 * Fault('conflict', 'keystone.keys.tooSoon') when the staged key is so young that a process may not have read it.
 */
export async function promoteStaged(dir: string, use: KeyUse, around: Around): Promise<number> {
  const [primary = 0, ...others] = await numbersIn(dir)
  if (primary === 0 || !others.includes(0)) throw new Fault('notFound', 'keystone.keys.none', `There are no keys to rotate in ${dir}: the cloud makes them at its first start.`)
  const age = around.clock.now() - (await stat(join(dir, '0'))).mtimeMs
  if (age < STAGED) throw new Fault('conflict', 'keystone.keys.tooSoon', `The staged key in ${dir} is younger than ${STAGED / 1000} s: a process may not have read it yet. Rotate again in a moment.`)
  if (!await addNew(dir, primary + 1, await readFile(join(dir, '0'), 'utf8'), around)) throw new Fault('conflict', 'keystone.keys.tooSoon', `The keys in ${dir} are just being rotated.`)
  await rename(await written(dir, 0, KINDS[use].make(around.ids), around), join(dir, '0'))
  return primary + 1
}

/** Removes the oldest keys beyond `maxActive` (the staged and the primary one counted) that made nothing since `unusedSince` (ms). Gives their numbers. */
export async function removeOldKeys(dir: string, { maxActive, unusedSince }: { maxActive: number, unusedSince: number }): Promise<number[]> {
  const made = (await numbersIn(dir)).filter(n => n !== 0).toReversed()
  const surplus = made.slice(0, Math.max(0, made.length - Math.max(1, maxActive - 1)))
  const removed: number[] = []
  for (const [i, n] of surplus.entries()) {
    const replacedAt = (await stat(join(dir, String(made[i + 1])))).mtimeMs
    if (replacedAt + STAGED > unusedSince) break
    await rm(join(dir, String(n)))
    removed.push(n)
  }
  return removed
}

/** From the highest down. */
async function numbersIn(dir: string): Promise<number[]> {
  return (await readdir(dir).catch(() => [])).filter(name => /^\d+$/.test(name)).map(Number).toSorted((a, b) => b - a)
}

/** The texts by number, from the highest down. */
async function readTexts(dir: string): Promise<[number, string][]> {
  const texts = await Promise.all((await numbersIn(dir)).map(async n => [n, await readFile(join(dir, String(n)), 'utf8').catch(gone)] as const))
  return texts.flatMap(([n, text]) => text === undefined ? [] : [[n, text]])
}

function keysOf<K>(dir: string, kind: KeyKind<K>, texts: readonly [number, string][]): K[] {
  if (texts.length === 0) throw new Error(`${dir} has no keys`)
  return texts.map(([n, text]) => kind.read(text) ?? (() => { throw new Error(`${join(dir, String(n))} holds no key`) })())
}

/** False when the number is taken: of two that make one at once, one does, and the other reads that. */
async function addNew(dir: string, n: number, text: string, around: Around): Promise<boolean> {
  const made = await written(dir, n, text, around)
  try {
    await link(made, join(dir, String(n)))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    await rm(made)
  }
}

/** A whole file beside the keys, dated by the clock: a key's date says since when it stands under its number. */
async function written(dir: string, n: number, text: string, { ids, clock }: Around): Promise<string> {
  const made = join(dir, `${n}.${ids.hex()}.new`)
  await writeFile(made, text, { mode: 0o600 })
  await utimes(made, clock.now() / 1000, clock.now() / 1000)
  return made
}

/** Removed between the look at the directory and the look at the file. */
function gone(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}

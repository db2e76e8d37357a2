// A cloud's data directory: who holds it, its id, its secrets, and where everything in it lies.
import { mkdir, readFile, realpath, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Fault, messageOf } from '@alto/kit/errors'
import type { Ids } from '@alto/kit/ids'

/** Passwords and keys that a cloud makes at its first start. */
export interface Secrets {
  adminPassword: string
  demoPassword: string
  /** By service: `nova`. */
  servicePasswords: Readonly<Record<string, string>>
  /** Signs the instance ids that Neutron's metadata proxy sends to Nova. */
  metadataSecret: string
}

/** An opened data directory; nobody else has it until it is closed. */
export interface DataDirectory {
  readonly path: string
  /** The cloud's id, 8 hexadecimal digits: it marks everything on the host. */
  readonly cloud: string
  readonly secrets: Secrets
  /** Sockets and pidfiles: short, and gone after a reboot of the machine. */
  readonly run: string
  /** Names a file or folder in it. */
  at(...parts: string[]): string
  close(): void
}

/** The parts of a data directory that a reset empties; the rest (secrets, keys, configuration, logs) stays. */
export const STATE = ['db', 'guests', 'volumes', 'images', 'staging'] as const

const FORMAT = 1
const SERVICES = ['placement', 'glance', 'neutron', 'nova', 'cinder'] as const
const ROOM_NEEDED = 64 * 1024 * 1024

/**
 * Opens (and makes) the directory and takes its lock, which ends with this process however it ends.
 * Throws Fault('conflict', 'data.inUse' | 'data.newer' | 'data.full' | 'data.unwritable').
 */
export async function openDataDirectory(dir: string, ids: Ids, adminPassword: string | undefined): Promise<DataDirectory> {
  const wanted = resolve(dir)
  let lock: DatabaseSync
  try {
    await mkdir(wanted, { recursive: true, mode: 0o700 })
    await refuseFull(wanted)
    lock = takeLock(join(wanted, 'lock'))
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault('conflict', 'data.unwritable', `${wanted} cannot be used as a data directory: ${messageOf(error)}. Choose another with --data DIR.`, { cause: error })
  }
  try {
    const path = await realpath(wanted)
    const cloud = await openCloud(path, ids)
    const secrets = await openSecrets(path, ids, adminPassword)
    return {
      path, cloud, secrets, at: (...parts) => join(path, ...parts), close: () => lock.close(),
      run: process.getuid?.() === 0 ? join('/run/alto', cloud) : join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `alto-${process.getuid?.() ?? 0}-${cloud}`),
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** True when a process holds the directory. */
export function isHeld(dir: string): boolean {
  try {
    takeLock(join(dir, 'lock')).close()
    return false
  } catch (error) {
    return error instanceof Fault && error.code === 'data.inUse'
  }
}

/** An exclusive lock of SQLite's: kept by the kernel for the process, in any network namespace, and gone with it. */
function takeLock(file: string): DatabaseSync {
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw new Fault('conflict', 'data.inUse', `A cloud already runs on this data directory (${file.slice(0, -'/lock'.length)}). Stop it with "./alto down", or choose another with --data DIR.`, { cause })
  }
}

async function refuseFull(path: string): Promise<void> {
  const { bavail, bsize } = await statfs(path)
  if (bavail * bsize < ROOM_NEEDED) throw new Fault('conflict', 'data.full', `The disk that holds ${path} is full (${Math.floor(bavail * bsize / 1024 / 1024)} MiB are left, 64 are needed to start). Make room, or choose another with --data DIR.`)
}

async function openCloud(path: string, ids: Ids): Promise<string> {
  const known = await readJson<{ id: string, format: number }>(join(path, 'cloud.json'))
  if (known && known.format > FORMAT) throw new Fault('conflict', 'data.newer', `${path} was made by a newer version of Altostratus. Use that version, or another directory with --data DIR.`)
  if (known) return known.id
  const id = ids.bytes(4).toString('hex')
  await writeJson(join(path, 'cloud.json'), { id, format: FORMAT })
  return id
}

async function openSecrets(path: string, ids: Ids, adminPassword: string | undefined): Promise<Secrets> {
  const file = join(path, 'secrets.json')
  const known = await readJson<Partial<Secrets>>(file) ?? {}
  const fresh = () => ids.bytes(18).toString('base64url')
  const secrets: Secrets = {
    adminPassword: adminPassword ?? known.adminPassword ?? fresh(), demoPassword: known.demoPassword ?? fresh(), metadataSecret: known.metadataSecret ?? fresh(),
    servicePasswords: Object.fromEntries(SERVICES.map(name => [name, known.servicePasswords?.[name] ?? fresh()])),
  }
  await writeJson(file, secrets)
  return secrets
}

/** Writes down another password of the administrator, which the next start gives it. Throws Fault('notFound', 'data.noCloud') when no cloud was ever started here. */
export async function keepAdminPassword(dir: string, adminPassword: string): Promise<Secrets> {
  const file = join(resolve(dir), 'secrets.json')
  const known = await readJson<Secrets>(file)
  if (!known) throw new Fault('notFound', 'data.noCloud', `There is no cloud in ${resolve(dir)}.`)
  const secrets = { ...known, adminPassword }
  await writeJson(file, secrets)
  return secrets
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('conflict', 'data.damaged', `${file} cannot be read: ${messageOf(error)}. Restore it, or choose another directory with --data DIR.`, { cause: error })
  }
}

/** Writes beside and renames, so that a crash leaves the old content or the new. Readable by its owner only. */
async function writeJson(file: string, value: unknown): Promise<void> {
  await writePrivate(file, `${JSON.stringify(value, null, 2)}\n`)
}

/** The same for text. */
export async function writePrivate(file: string, text: string): Promise<void> {
  const beside = `${file}.new`
  await rm(beside, { force: true })
  await writeFile(beside, text, { mode: 0o600 })
  await rename(beside, file)
}

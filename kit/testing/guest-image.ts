// The project's guest image for tests with real guests: built by guest/build.sh when it is first needed, and kept in .cache until the script changes.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { commandHost } from '../host/index.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const BUILD = join(ROOT, 'guest/build.sh')
const DEADLINE = 10 * 60_000

/** The path of the guest's qcow2 disk and the sha512 of its bytes. Throws what the build throws: a machine that cannot build it fails the test. */
export async function guestImage(): Promise<{ path: string, sha512: string }> {
  const version = createHash('sha256').update(await readFile(BUILD)).digest('hex').slice(0, 12)
  const directory = join(ROOT, '.cache', `guest-${version}`)
  const path = join(directory, 'disk.qcow2')
  if (!await stat(path).then(() => true, () => false)) {
    const building = `${directory}.${process.pid}`
    await mkdir(building, { recursive: true })
    try {
      await commandHost.run([BUILD, building], { deadline: DEADLINE })
      await rename(building, directory).catch(() => {})          // another process was first: its image is as good
    } finally {
      await rm(building, { recursive: true, force: true })
    }
  }
  return { path, sha512: createHash('sha512').update(await readFile(path)).digest('hex') }
}

// The project's guest image for tests with real guests: built by guest/build.sh when it is first needed, and kept in .cache until the script changes.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { builtImage } from '../disk/index.ts'
import { commandHost } from '../host/index.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** The path of the guest's qcow2 disk and the sha512 of its bytes. Throws what the build throws: a machine that cannot build it fails the test. */
export async function guestImage(): Promise<{ path: string, sha512: string }> {
  const path = await builtImage(commandHost, { name: 'guest', script: join(ROOT, 'guest/build.sh'), cache: join(ROOT, '.cache') })
  return { path, sha512: createHash('sha512').update(await readFile(path)).digest('hex') }
}

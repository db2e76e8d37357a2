// The guest image: built once from Debian packages by guest/build.sh, kept in .cache under a name that follows from the builder's content.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Host } from '@alto/kit/host'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The image's file; builds it when there is none of this builder. Throws what the builder's last words were. */
export async function guestImage(host: Host, say: (line: string) => void): Promise<string> {
  const script = join(ROOT, 'guest', 'build.sh')
  const name = `guest-${createHash('sha256').update(await readFile(script)).digest('hex').slice(0, 12)}`
  const place = join(ROOT, '.cache', name)
  const disk = join(place, 'disk.qcow2')
  if (existsSync(disk)) return disk
  say('Building the guest image (once)...')
  const beside = `${place}.${process.pid}`
  await mkdir(beside, { recursive: true })
  await host.run(['bash', script, beside], { deadline: 600_000 })
  await rm(place, { recursive: true, force: true })
  await rename(beside, place)
  return disk
}

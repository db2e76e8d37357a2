// The guest image: built once from Debian packages by guest/build.sh, and kept in .cache.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtImage } from '@alto/kit/disk'
import type { Host } from '@alto/kit/host'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The image's file; builds it when there is none of this builder. Throws what the builder's last words were. */
export function guestImage(host: Host, say: (line: string) => void): Promise<string> {
  return builtImage(host, { name: 'guest', script: join(ROOT, 'guest', 'build.sh'), cache: join(ROOT, '.cache'), building: () => say('Building the guest image (once)...') })
}

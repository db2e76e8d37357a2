// A disk image that a script builds: once for each content of the script, kept beside others under a name that follows from it.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '../host/index.ts'

/** An image and who builds it. */
export interface ImageBuild {
  /** The first part of the directory's name: `NAME-HASH`. */
  readonly name: string
  /** A bash script, absolute; called with an existing directory, it leaves `disk.qcow2` there. */
  readonly script: string
  /** Where images are kept, absolute. */
  readonly cache: string
  /** Called before a build, which takes minutes. */
  building?(): void
}

const DEADLINE = 10 * 60_000

/** The path of the image; builds it when there is none of this script. What is half built is never found. Throws the Fault of the script's failure, and leaves nothing then. */
export async function builtImage(host: Host, build: ImageBuild): Promise<string> {
  const version = createHash('sha256').update(await readFile(build.script)).digest('hex').slice(0, 12)
  const directory = join(build.cache, `${build.name}-${version}`)
  const disk = join(directory, 'disk.qcow2')
  if (await exists(disk)) return disk
  build.building?.()
  const beside = `${directory}.${process.pid}`
  await mkdir(beside, { recursive: true })
  try {
    await host.run(['bash', build.script, beside], { deadline: DEADLINE })
    await rename(beside, directory).catch(async (error: unknown) => {
      if (!await exists(disk)) throw error            // else another process was first: its image is as good
    })
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
  return disk
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false)
}

// The config drive: an ISO 9660 volume labelled config-2, made anew at every start.
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '@alto/kit/errors'
import type { Host } from '@alto/kit/host'
import type { GuestFiles } from './files.ts'

/** Writes the drive of a guest. `drive` holds paths inside it and contents in base64, which may be secret: only root can read what is written. Throws Fault badRequest `nova.configDrive.badPath`. */
export async function writeConfigDrive(host: Host, files: GuestFiles, drive: readonly { path: string, content: string }[]): Promise<void> {
  const tree = await mkdtemp(join(files.dir, 'config-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(tree, { recursive: true, force: true }))
  for (const { path, content } of drive) {
    if (path.split('/').some(part => !/^[A-Za-z0-9_.-]+$/.test(part) || part.startsWith('..'))) throw new Fault('badRequest', 'nova.configDrive.badPath', `${JSON.stringify(path)} is no path of a config drive`)
    await mkdir(dirname(join(tree, path)), { recursive: true, mode: 0o700 })
    await writeFile(join(tree, path), Buffer.from(content, 'base64'), { mode: 0o600 })
  }
  const part = `${files.configDrive}.part`
  await host.run(['genisoimage', '-quiet', '-V', 'config-2', '-J', '-r', '-o', part, tree])
  await rename(part, files.configDrive)
}

// The highest database epoch that this host has seen, in a file: an older database (a restored backup) must not command it after a restart either.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { NetworkAgentOptions } from './network-agent.ts'

/** Keeps the epoch in the file; 0 where there is none yet. */
export function databaseEpochFile(path: string): NetworkAgentOptions['databaseEpoch'] {
  let known: number | undefined
  return {
    async read() {
      known ??= await readFile(path, 'utf8').then(Number, (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return 0
        throw error
      })
      return known
    },
    async write(epoch) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(`${path}.new`, String(epoch))
      await rename(`${path}.new`, path)
      known = epoch
    },
  }
}

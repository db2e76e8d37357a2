// The key repository: numbered files of 32 bytes in base64, as upstream lays them out.
// 0 is staged (others may already have made it their primary), the highest is the primary and makes tokens; all of them read tokens.
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ids } from '@alto/kit/ids'

/** The keys of a cloud's tokens. */
export interface KeyRepository {
  /** The keys that tokens may have been made with, the one that makes new ones first. */
  readonly keys: readonly Buffer[]
  /** The staged key becomes primary, a new one is staged, keys beyond `maxActive` go. */
  rotate(maxActive: number): Promise<void>
}

/** Opens the repository in `dir` and makes its first two keys when it is empty. Files are readable by their owner only. */
export async function openKeys(dir: string, ids: Ids): Promise<KeyRepository> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const write = async (n: number) => {
    const made = join(dir, `${n}.${ids.hex()}.new`)
    await writeFile(made, ids.bytes(32).toString('base64url'), { mode: 0o600 })
    await link(made, join(dir, String(n))).catch((error: unknown) => {            // of two that make it at once one does, and the other reads that
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    })
    await rm(made)
  }
  const numbers = async () => (await readdir(dir)).filter(f => /^\d+$/.test(f)).map(Number).toSorted((a, b) => b - a)
  const read = async () => Promise.all((await numbers()).map(async n => Buffer.from(await readFile(join(dir, String(n)), 'utf8'), 'base64url')))

  const present = await numbers()
  if (!present.includes(0)) await write(0)
  if (present.every(n => n === 0)) await write(1)
  let keys = await read()
  return {
    get keys() { return keys },
    async rotate(maxActive) {
      const [primary = 0] = await numbers()
      await rename(join(dir, '0'), join(dir, String(primary + 1)))
      await write(0)
      const surplus = (await numbers()).filter(n => n !== 0).slice(Math.max(1, maxActive - 1))
      await Promise.all(surplus.map(n => rm(join(dir, String(n)))))
      keys = await read()
    },
  }
}

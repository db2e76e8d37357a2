// The log of a guest's serial console: QEMU appends to it for as long as the guest writes, so it is cut when it has grown too long.
import { open, stat, truncate, writeFile, appendFile } from 'node:fs/promises'

const LONGEST = 4 * 1024 * 1024
/** Upstream's os-getConsoleOutput gives at most this much. */
const KEPT = 100 * 1024

/** The last `lines` lines of the log at `path`, or the last 100 KiB; empty when there is none. */
export async function readConsoleLog(path: string, lines?: number): Promise<string> {
  const text = (await tail(path)).toString()
  if (lines === undefined) return text
  const all = text.split('\n')
  const complete = all.at(-1) === '' ? all.slice(0, -1) : all
  return lines === 0 ? '' : complete.slice(-lines).join('\n') + (all.at(-1) === '' ? '\n' : '')
}

/** Cuts the log at `path` down to its end when it is too long. QEMU has it open for appending, so what it writes next follows. */
export async function trimConsoleLog(path: string): Promise<void> {
  const size = await stat(path).then(found => found.size, () => 0)
  if (size <= LONGEST) return
  const kept = await tail(path)
  await truncate(path)
  await appendFile(path, kept)
}

/** Makes the log unless it is there, for its owner only. */
export async function touchConsoleLog(path: string): Promise<void> {
  await writeFile(path, '', { flag: 'a', mode: 0o600 })
}

async function tail(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const length = Math.min(size, KEPT)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

// Bytes on their way through a generator: as a stream, and a part of bytes that can be read from their beginning only.
import { Readable } from 'node:stream'
import type { ByteRange } from '../model/ranges.ts'

/**
 * What `through` gives, which reads `bytes`: a stream whose end is theirs too. By itself a stream over a generator that nobody has begun to read ends without the generator
 * ever running, and what that was to read stays open: a file's handle, which ends the process when it is collected.
 */
export function passing(bytes: Readable, through: AsyncIterable<Uint8Array>): Readable {
  const passed = Readable.from(through, { objectMode: false })
  passed.once('close', () => { bytes.destroy() })
  return passed
}

/** The bytes of `range`; those before it are read and left out, those behind it are not asked for. */
export async function* partOf(bytes: AsyncIterable<Uint8Array>, { start, end }: ByteRange): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of bytes) {
    const [from, to] = [Math.max(0, start - at), Math.min(chunk.length, end + 1 - at)]
    if (from < to) yield chunk.subarray(from, to)
    at += chunk.length
    if (at > end) return
  }
}

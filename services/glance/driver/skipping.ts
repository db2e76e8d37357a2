// A part of bytes that can be read from their beginning only.
import type { ByteRange } from '../model/ranges.ts'

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

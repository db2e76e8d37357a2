// Reading bodies: JSON, bounded in size, depth and count before anything looks at it; and bytes, piece by piece.
import type { Readable } from 'node:stream'
import { Fault } from '../errors/index.ts'

/** What a body may be. */
export interface BodyLimits {
  /** Bytes; 112 KiB when not given, as upstream's middleware has it. */
  bytes: number
  /** Objects and lists within each other. */
  depth: number
}

export const DEFAULT_LIMITS: BodyLimits = { bytes: 114_688, depth: 40 }

/**
 * The JSON value in `stream`; undefined when it is empty.
 * Throws Fault('tooLarge', 'http.body.tooLarge'), Fault('badRequest', 'http.body.malformed' | 'http.body.tooDeep').
 */
export async function readJson(stream: Readable, limits: BodyLimits): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {   // a refusal must still reach the caller
    size += chunk.length
    if (size > limits.bytes) throw new Fault('tooLarge', 'http.body.tooLarge', `Request is too large. It may have at most ${limits.bytes} bytes.`)
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  const text = Buffer.concat(chunks).toString('utf8')
  if (deeperThan(text, limits.depth)) throw new Fault('badRequest', 'http.body.tooDeep', `The request body nests deeper than ${limits.depth} levels.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {                                  // its words quote the body, and that may hold a password
    throw new Fault('badRequest', 'http.body.malformed', 'Malformed request body: it is not valid JSON.')
  }
  if (NO_TEXT.test(text) && holdsNoText(value)) throw new Fault('badRequest', 'http.body.malformed', 'Malformed request body: its text has a NUL or half of a surrogate pair.')
  return value
}

/** Escapes by which JSON can say what is no text to a URL, a database or a file. */
const NO_TEXT = /\\u(?:[dD][89a-fA-F]|0000)/

/**
 * A body's bytes as they arrive. A piece is the reader's until it asks for the next: then its memory is given back, and not when the heap is collected next, so that
 * however many bytes take little. The stream outlives a reader that stops early: a refusal must still reach the sender. Throws what the stream does.
 */
export async function* pieces(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer<ArrayBuffer>>) {
    yield piece
    if (piece.byteLength === piece.buffer.byteLength) piece.buffer.transfer(0)           // else others have parts of the same memory
  }
}

function holdsNoText(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed() || value.includes('\0')
  return typeof value === 'object' && value !== null && Object.entries(value).some(([name, member]) => holdsNoText(name) || holdsNoText(member))
}

function deeperThan(text: string, depth: number): boolean {
  let level = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x7b || c === 0x5b) { if (++level > depth) return true }
    else if (c === 0x7d || c === 0x5d) level--
  }
  return false
}

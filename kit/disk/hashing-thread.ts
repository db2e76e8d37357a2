// The thread that hashes for hashing.ts: it takes buffers of many streams in turn and gives each back when it has been hashed.
import { createHash, type Hash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'

/** What the thread is told: a stream begins, its next bytes (the first `length` of the buffer), its end, or that nobody wants its hashes any more. */
export type ToThread =
  | { readonly stream: number, readonly begin: readonly string[] }
  | { readonly stream: number, readonly buffer: ArrayBuffer, readonly length: number }
  | { readonly stream: number, readonly end: 'digest' | 'drop' }

/** What it answers: a buffer that may be filled again, or the hashes in hexadecimal by algorithm. */
export type FromThread = { readonly stream: number, readonly buffer: ArrayBuffer } | { readonly stream: number, readonly digests: Readonly<Record<string, string>> }

const streams = new Map<number, readonly { algorithm: string, hash: Hash }[]>()

parentPort?.on('message', (told: ToThread) => {
  const { stream } = told
  if ('begin' in told) {
    streams.set(stream, told.begin.map(algorithm => ({ algorithm, hash: createHash(algorithm) })))
  } else if ('buffer' in told) {
    const bytes = new Uint8Array(told.buffer, 0, told.length)
    for (const { hash } of streams.get(stream) ?? []) hash.update(bytes)
    say({ stream, buffer: told.buffer }, [told.buffer])
  } else {
    const hashes = streams.get(stream) ?? []
    streams.delete(stream)
    if (told.end === 'digest') say({ stream, digests: Object.fromEntries(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest('hex')])) })
  }
})

function say(what: FromThread, transferred: ArrayBuffer[] = []): void {
  parentPort?.postMessage(what, transferred)
}

// Hashing a stream of bytes: a short one where it is, a long one in a thread beside the event loop, so that other requests do not wait for it and another core is
// used. The thread is there while a long stream is; all of them share it. Bytes are copied into buffers that go to the thread and come back: a stream has at most
// MOST of them, and whoever brings more waits. A stream is short that ends before they are full.
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { FromThread, ToThread } from './hashing-thread.ts'

/** Hashes of one stream. Disposing of it lets go of what it holds, wherever it stands. */
export interface Hashing extends Disposable {
  /** Takes the next bytes, which may be changed when it resolves. One call at a time. Throws an Error when the thread is lost. */
  update(bytes: Uint8Array): Promise<void>
  /** The hashes in hexadecimal, by algorithm; the end of the stream. */
  digest(): Promise<Readonly<Record<string, string>>>
}

/** Bytes of a buffer, and how many a stream has. */
const BUFFER = 128 * 1024
const MOST = 4

/** Hashes by `algorithms`, OpenSSL's names. Throws for an algorithm that there is not. */
export function hashing(algorithms: readonly string[]): Hashing {
  for (const algorithm of algorithms) createHash(algorithm)
  return new StreamHashing(algorithms)
}

class StreamHashing implements Hashing {
  readonly #algorithms: readonly string[]
  readonly #free: ArrayBuffer[] = []
  /** Filled, and not hashed yet: there is no thread. */
  #kept: { buffer: ArrayBuffer, length: number }[] = []
  #made = 0
  #filling: { buffer: ArrayBuffer, length: number } | undefined
  #thread: Line | undefined
  #digests: Readonly<Record<string, string>> | undefined
  #lost: Error | undefined
  #heard = Promise.withResolvers<void>()

  constructor(algorithms: readonly string[]) {
    this.#algorithms = algorithms
  }

  async update(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const into = this.#filling ??= { buffer: await this.#buffer(), length: 0 }
      const part = bytes.subarray(at, at + BUFFER - into.length)
      new Uint8Array(into.buffer).set(part, into.length)
      at += part.length
      into.length += part.length
      if (into.length === BUFFER) this.#full()
    }
  }

  async digest(): Promise<Readonly<Record<string, string>>> {
    this.#full()
    if (!this.#thread) return Object.fromEntries(this.#algorithms.map(algorithm => [algorithm, this.#kept.reduce((hash, { buffer, length }) => hash.update(new Uint8Array(buffer, 0, length)), createHash(algorithm)).digest('hex')]))
    this.#thread.say({ end: 'digest' })
    while (!this.#digests) await this.#hear()
    return this.#digests
  }

  [Symbol.dispose](): void {
    if (!this.#digests) this.#thread?.say({ end: 'drop' })
    this.#thread?.hangUp()
    this.#lose(new Error('the hashes of this stream were given up'))
  }

  #full(): void {
    if (!this.#filling) return
    if (this.#thread) this.#thread.say(this.#filling, [this.#filling.buffer])
    else this.#kept.push(this.#filling)
    this.#filling = undefined
  }

  async #buffer(): Promise<ArrayBuffer> {
    for (;;) {
      const free = this.#free.pop()
      if (free) return free
      if (this.#made < MOST) {
        this.#made++
        return new ArrayBuffer(BUFFER)
      }
      if (!this.#thread) this.#call()
      await this.#hear()
    }
  }

  /** The stream is long. */
  #call(): void {
    this.#thread = HashingThread.call({
      hear: said => {
        if ('buffer' in said) this.#free.push(said.buffer)
        else this.#digests = said.digests
        this.#wake()
      },
      lose: error => { this.#lose(error) },
    })
    this.#thread.say({ begin: this.#algorithms })
    for (const kept of this.#kept) this.#thread.say(kept, [kept.buffer])
    this.#kept = []
  }

  /** Waits for the next word of the thread. */
  async #hear(): Promise<void> {
    if (!this.#lost) await this.#heard.promise
    if (this.#lost) throw this.#lost
  }

  #lose(error: Error): void {
    this.#lost ??= error
    this.#wake()
  }

  #wake(): void {
    this.#heard.resolve()
    this.#heard = Promise.withResolvers<void>()
  }
}

/** A stream's end of the talk with the thread. */
interface Line {
  say(told: { begin: readonly string[] } | { buffer: ArrayBuffer, length: number } | { end: 'digest' | 'drop' }, transferred?: ArrayBuffer[]): void
  hangUp(): void
}

interface Listener {
  hear(said: FromThread): void
  lose(error: Error): void
}

/** The thread, and the streams that it hashes; it ends with the last of them. */
class HashingThread {
  static #present: HashingThread | undefined
  readonly #worker = new Worker(new URL('./hashing-thread.ts', import.meta.url), { name: 'hashing', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 } })
  readonly #listeners = new Map<number, Listener>()
  #next = 0

  constructor() {
    this.#worker.on('message', (said: FromThread) => { this.#listeners.get(said.stream)?.hear(said) })
    this.#worker.on('error', cause => { this.#lose(new Error('the thread that hashes has failed', { cause })) })
    this.#worker.on('exit', () => { this.#lose(new Error('the thread that hashes has ended')) })
    this.#worker.unref()                          // last: whoever listens to a worker keeps the process alive
  }

  static call(listener: Listener): Line {
    const thread = HashingThread.#present ??= new HashingThread()
    const stream = thread.#next++
    thread.#listeners.set(stream, listener)
    return {
      say(told, transferred = []) { thread.#worker.postMessage({ stream, ...told } satisfies ToThread, transferred) },
      hangUp() { if (thread.#listeners.delete(stream) && thread.#listeners.size === 0) thread.#end() },
    }
  }

  #end(): void {
    if (HashingThread.#present === this) HashingThread.#present = undefined
    void this.#worker.terminate()
  }

  #lose(error: Error): void {
    if (HashingThread.#present === this) HashingThread.#present = undefined
    for (const listener of this.#listeners.values()) listener.lose(error)
  }
}

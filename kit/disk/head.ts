// The head of an image that passes by in a stream: as many of its first bytes as its inspection wants, and no more. Most formats want 64 KiB.
import { wantedBytes } from './inspect.ts'

/** Keeps the head of one stream. */
export class DiskHead {
  readonly #length: number
  #kept = Buffer.alloc(0)
  #wanted = 0
  #filled = 0

  /** `length`: the stream's bytes, undefined when nobody knows them. */
  constructor(length: number | undefined) {
    this.#length = length ?? Infinity
    this.#want()
  }

  /** Takes the next bytes, which may be changed afterwards. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.isWhole;) {
      const part = bytes.subarray(at, at + this.#wanted - this.#filled)
      this.#kept.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.isWhole) this.#want()
    }
  }

  /** True when it has all that the inspection wants. */
  get isWhole(): boolean {
    return this.#filled === this.#wanted
  }

  /** What came of it so far. */
  get bytes(): Uint8Array {
    return this.#kept.subarray(0, this.#filled)
  }

  #want(): void {
    const wanted = Math.min(this.#length, wantedBytes(this.bytes))
    if (wanted <= this.#wanted) return
    const kept = Buffer.allocUnsafeSlow(wanted)
    kept.set(this.bytes)
    this.#kept = kept
    this.#wanted = wanted
  }
}

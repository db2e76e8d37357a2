// A store in memory: for tests, and for clouds that keep nothing.
import { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'
import { checkedKey, FULL, MISSING, type ImageStore } from './store.ts'

/** A store that forgets all when its process ends. `room`: bytes that it can hold. */
export function memoryStore(opts: { id?: string, room?: number } = {}): ImageStore {
  const kept = new Map<string, Buffer>()
  const partial = new Map<string, Buffer[]>()
  const room = opts.room ?? Infinity
  const held = () => [...kept.values(), ...[...partial.values()].flat()].reduce((sum, bytes) => sum + bytes.length, 0)
  return {
    id: opts.id ?? 'memory', kind: 'memory',
    async write(key) {
      const chunks: Buffer[] = []
      partial.set(checkedKey(key), chunks)
      return {
        async write(bytes) {
          if (held() + bytes.length > room) throw new Fault(...FULL)
          chunks.push(Buffer.from(bytes))
        },
        async commit() {
          partial.delete(key)
          kept.set(key, Buffer.concat(chunks))
        },
        async abort() {
          if (partial.get(key) === chunks) partial.delete(key)
        },
      }
    },
    async read(key, range) {
      const bytes = kept.get(checkedKey(key))
      if (!bytes) throw new Fault(...MISSING)
      return Readable.from(slices(range ? bytes.subarray(range.start, range.end + 1) : bytes), { objectMode: false })
    },
    async remove(key) {
      kept.delete(checkedKey(key))
      partial.delete(key)
    },
    size: async key => kept.get(checkedKey(key))?.length,
    async* names() {
      yield* kept.keys()
      for (const key of partial.keys()) yield `${key}.partial`
    },
    urlOf: key => `memory:///${key}`,
  }
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

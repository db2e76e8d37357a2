// A store that is read only: its keys are URLs of bytes that somebody else keeps. What may be asked, and how, is the fetcher's matter.
import { Readable } from 'node:stream'
import { Fault, isFault } from '@alto/kit/errors'
import type { Fetcher } from './fetcher.ts'
import { partOf } from './skipping.ts'
import { MISSING, type ImageStore, type StoreFacts } from './store.ts'

/** The store of everything that `fetcher` may ask. */
export function httpStore(facts: Pick<StoreFacts, 'id' | 'description' | 'weight'>, fetcher: Fetcher): ImageStore {
  const told = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked
    } catch (cause) {
      throw isFault(cause, 'glance.fetch.refused') || isFault(cause, 'glance.fetch.failed') ? new Fault(...MISSING, { cause }) : cause
    }
  }
  return {
    ...facts, kind: 'http', isReadOnly: true, properties: {},
    write: () => Promise.reject(new Fault('gone', 'glance.store.readOnly', 'Error in store configuration. Adding images to store is disabled.')),
    async read(url, range) {
      const { bytes, isPart } = await told(fetcher.get(url, new AbortController().signal, range))
      return Readable.from(range && !isPart ? partOf(bytes, range) : bytes, { objectMode: false })
    },
    remove: () => Promise.resolve(),                            // the row was all that was ours
    async size(url) {
      try {
        return await told(fetcher.size(url, new AbortController().signal))
      } catch (error) {
        if (isFault(error, 'glance.store.missing')) return undefined
        throw error
      }
    },
    async* names() {},
    urlOf: url => url,
  }
}

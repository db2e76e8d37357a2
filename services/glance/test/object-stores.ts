// Stores in the private Swift of the tests, by its own API and by S3, each in a place of its own.
import assert from 'node:assert/strict'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'
import { storeClient } from '../driver/http-client.ts'
import { signed } from '../driver/s3-signature.ts'
import { s3Store } from '../driver/s3-store.ts'
import type { ImageStore } from '../driver/store.ts'
import { swiftStore } from '../driver/swift-store.ts'
import { readStores, type StoreSpec } from '../model/store-specs.ts'

const parts = { client: storeClient(), clock: systemClock }

/** A store that is emptied when it is disposed of. */
export type Emptied = { store: ImageStore } & AsyncDisposable

/** The spec that `store` and its secret make. */
export function specOf(store: string, secret: string): StoreSpec {
  return readStores({ stores: [store], defaultStore: null, storeSecrets: [`${store.split(':')[0]}:${secret}`] })[0]
}

/** A store in a container of its own; `large`: how its large objects are made. */
export async function inSwift(large: 'slo' | 'dlo'): Promise<Emptied> {
  const { origin, user, key } = swift()
  return emptied(swiftStore(specOf(`objects:swift:${origin}/auth/v1.0?user=${user}&container=glance-${systemIds.uuid()}&segment_size=5242880&large_objects=${large}`, key), parts))
}

/** A store in a bucket of its own. */
export async function inS3(): Promise<Emptied> {
  const { origin, user, key } = swift()
  const bucket = `glance-${systemIds.uuid()}`
  const url = new URL(`${origin}/${bucket}`)
  const made = await parts.client({ method: 'PUT', url, headers: signed({ method: 'PUT', url, headers: {}, bodyHash: 'UNSIGNED-PAYLOAD' }, { accessKey: user, secretKey: key, region: 'us-east-1' }, systemClock.now()) })
  made.body.resume()
  assert.equal(made.status, 200)
  return emptied(s3Store(specOf(`objects:s3:${origin}/${bucket}?access_key=${encodeURIComponent(user)}&part_size=5242880&prefix=images/`, key), parts))
}

/** Where the private Swift is; the tests fail when there is none. */
function swift() {
  const url = process.env['ALTO_TEST_SWIFT']
  if (url === undefined) throw new Error('ALTO_TEST_SWIFT is not set: node tools/test.ts starts a Swift and sets it')
  const { origin, username, password } = new URL(url)
  return { origin, user: decodeURIComponent(username), key: password }
}

function emptied(store: ImageStore): Emptied {
  return {
    store,
    async [Symbol.asyncDispose]() {
      for (const name of await Array.fromAsync(store.names())) await store.remove(name.replace('.partial', ''))
    },
  }
}

// The stores that a configuration names, opened.
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import type { Host } from '@alto/kit/host'
import type { StoreSpec } from '../model/store-specs.ts'
import type { Fetcher } from './fetcher.ts'
import { fileStore } from './file-store.ts'
import { storeClient, type StoreClient } from './http-client.ts'
import { httpStore } from './http-store.ts'
import { rbdStore } from './rbd-store.ts'
import { s3Store } from './s3-store.ts'
import type { ImageStore } from './store.ts'
import { swiftStore } from './swift-store.ts'

/** What stores are opened with. `directory`: where files are, when a store does not say. */
export interface OpenedWith { directory: string, clock: Clock, fetcher: Fetcher, host: Host }

/** The stores of `specs`, in their order. Throws Fault('badRequest', 'glance.stores.configured'), and what the file system throws. */
export async function openStores([first, ...more]: readonly [StoreSpec, ...StoreSpec[]], opts: OpenedWith): Promise<[ImageStore, ...ImageStore[]]> {
  const client = storeClient()
  return [await openStore(first, client, opts), ...await Promise.all(more.map(spec => openStore(spec, client, opts)))]
}

async function openStore(spec: StoreSpec, client: StoreClient, { directory, clock, fetcher, host }: OpenedWith): Promise<ImageStore> {
  const facts = { id: spec.id, description: spec.description, weight: spec.weight }
  switch (spec.kind) {
    case 'file': return fileStore(spec.target ?? (spec.id === 'file' ? directory : join(directory, '..', `images-${spec.id}`)), facts)
    case 'http': return httpStore(facts, fetcher)
    case 's3': return s3Store(spec, { client, clock })
    case 'rbd': return rbdStore(spec, host)
    case 'swift': return swiftStore(spec, { client, clock })
  }
}

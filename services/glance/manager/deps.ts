// What Glance's managers are given.
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { ImageStore } from '../driver/store.ts'
import type { Stores } from '../model/stores.ts'
import type { Tables } from '../store/tables.ts'

/** What bounds the bytes. Sizes are bytes. */
interface DataOptions {
  imageSizeCap: number
  /** Of all images of one project; 0: any number. */
  userStorageQuota: number
  requireImageFormatMatch: boolean
}

/** What bounds the records; below 0 any number. */
interface RecordOptions {
  imagePropertyQuota: number
  imageTagQuota: number
  imageMemberQuota: number
}

/** Glance's surroundings. */
export interface Deps {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  stores: Stores<ImageStore>
  /** This process's name, the same after a restart: what it was writing when it died is swept under it. */
  host: string
  options: DataOptions & RecordOptions
}

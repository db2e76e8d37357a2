// What Glance's managers are given.
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import type { Host } from '@alto/kit/host'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { Notifier } from '@alto/kit/notify'
import type { LimitClient } from '@alto/kit/openstack'
import type { TaskQueue } from '@alto/kit/task'
import type { ImageCache } from '../driver/image-cache.ts'
import type { Fetcher } from '../driver/fetcher.ts'
import type { RemoteGlance } from '../driver/remote-glance.ts'
import type { ImageStore } from '../driver/store.ts'
import type { ImageSchema } from '../model/image-schema.ts'
import type { Stores } from '../model/stores.ts'
import type { Tables } from '../store/tables.ts'
import type { CacheWorker } from './cache.ts'
import type { PropertyGuard } from './protected.ts'

/** What bounds the bytes. Sizes are bytes. */
interface DataOptions {
  imageSizeCap: number
  /** Of all images of one project; 0: any number. */
  userStorageQuota: number
  requireImageFormatMatch: boolean
  useKeystoneLimits: boolean
  /** The directory of certificates by which signatures of images are verified. */
  imageSignatureCertificates: string | null
}

/** What bounds the records; below 0 any number. */
interface RecordOptions {
  imagePropertyQuota: number
  imageTagQuota: number
  imageMemberQuota: number
}

/** Who is told where bytes are, and how a location is added. */
interface LocationOptions {
  showImageDirectUrl: boolean
  showMultipleLocations: boolean
  /** Locations of one image; below 0 any number. */
  imageLocationQuota: number
  doSecureHash: boolean
}

/** What is told of what happens. */
interface NotificationOptions {
  /** Events, and groups of them. */
  disabledNotifications: readonly string[]
  defaultPublisherId: string
}

/** How images are imported. */
interface ImportOptions {
  enabledImportMethods: readonly string[]
  imageImportPlugins: readonly string[]
  /** `name:value`. */
  injectMetadata: readonly string[]
  injectIgnoreUserRoles: readonly string[]
  /** The properties that come along, by how their names begin. */
  glanceDownloadExtraProperties: readonly string[]
  imageConversionOutputFormat: 'qcow2' | 'raw' | 'vmdk'
  /** Hours that the record of a task that ended is kept. */
  taskTimeToLive: number
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
  options: DataOptions & RecordOptions & LocationOptions & ImportOptions & NotificationOptions
  queue: TaskQueue
  /** What is said of custom properties. */
  schema: ImageSchema
  /** Who may see and change which custom properties; everybody all of them when the operator protects none. */
  guard?: PropertyGuard | undefined
  fetcher: Fetcher
  /** What projects may have; needed where Keystone's limits are used. */
  limits?: LimitClient | undefined
  /** Where is told what happens; nobody where there is none. */
  notifier?: Notifier | undefined
  /** Bytes that are kept near, and who fetches them; none where the operator wants none. */
  cache?: { images: ImageCache, worker: CacheWorker } | undefined
  /** Other Glances, for glance-download. */
  remotes?: RemoteGlance | undefined
  /** Where images are unpacked and converted, and by what. */
  workshop?: { directory: string, host: Host } | undefined
}

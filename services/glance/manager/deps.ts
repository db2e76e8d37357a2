// What Glance's managers are given.
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import type { Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import type { ImageStore } from '../driver/store.ts'
import type { glanceOptions } from '../options.ts'
import type { Tables } from '../store/tables.ts'

/** Glance's surroundings. */
export interface Deps {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  log: Log
  store: ImageStore
  /** This process's name, the same after a restart: what it was writing when it died is swept under it. */
  host: string
  options: Values<typeof glanceOptions>
}

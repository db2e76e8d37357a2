// What Placement's managers are given.
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import { noProvider } from '../model/faults.ts'
import type { Provider } from '../model/providers.ts'
import * as providers from '../store/providers.ts'
import type { Tables, Tx } from '../store/tables.ts'

/** Placement's surroundings. */
export interface Deps {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  options: { maxAllocationCandidates: number }
}

/** The provider; Fault notFound when there is none. */
export async function getProvider(tx: Tx, id: string): Promise<Provider> {
  const provider = await providers.find(tx, id)
  if (!provider) throw noProvider(id)
  return provider
}

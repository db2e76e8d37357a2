// Regions.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Region } from '../../model/catalog/catalog.ts'
import { conflict, invalid, notFound, refused } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import * as rules from '../../policy/catalog/regions.ts'
import * as limits from '../../store/limits.ts'
import * as regions from '../../store/catalog/regions.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of a region. */
export interface RegionInput { id?: string | undefined, description?: string | undefined, parentId?: string | null | undefined, extra?: Readonly<Record<string, unknown>> | undefined }

export type RegionManager = ReturnType<typeof regionManager>

/** The use cases of regions. */
export function regionManager({ db, ids, options, changed }: Deps) {
  return {
    async show(ctx: Context, id: string): Promise<Region> {
      ctx.authorize(rules.GET_REGION, {})
      return db.read(tx => get(tx, id))
    },

    async list(ctx: Context, listing: Listing<regions.RegionField>): Promise<Listed<Region>> {
      ctx.authorize(rules.LIST_REGIONS, {})
      return db.read(tx => regions.list(tx, bounded(listing, options)))
    },

    async create(ctx: Context, input: RegionInput): Promise<Region> {
      ctx.authorize(rules.CREATE_REGION, {})
      const region: Region = { id: input.id ?? ids.hex(), description: input.description ?? '', parentId: input.parentId ?? null, extra: input.extra ?? {} }
      await storing(region.id, region.parentId, () => db.write(async tx => {
        if (region.parentId !== null) await get(tx, region.parentId)
        await regions.insert(tx, region)
      }))
      return region
    },

    async update(ctx: Context, id: string, input: RegionInput): Promise<Region> {
      ctx.authorize(rules.UPDATE_REGION, {})
      return storing(id, input.parentId, () => db.write(async tx => {
        if (typeof input.parentId === 'string') await changed(tx)                     // first, so that of two that move regions the second sees where the first put them
        const region = await get(tx, id)
        const next = { ...region, description: input.description ?? region.description, parentId: input.parentId === undefined ? region.parentId : input.parentId, extra: { ...region.extra, ...input.extra } }
        if (typeof input.parentId === 'string') {
          await get(tx, input.parentId)
          if ((await regions.idsWithin(tx, id)).includes(input.parentId)) throw invalid('region.circle', `The specified parent region ${input.parentId} would create a circular region hierarchy.`)
        }
        await regions.update(tx, next)
        return next
      }))
    },

    /** Removes the region and the regions within it, unless endpoints are in any of them. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_REGION, {})
      await orFault({ reference: () => refused('region.inUse', `Unable to delete region ${id} because it or its child regions have associated endpoints.`) }, () => db.write(async tx => {
        await get(tx, id)
        for (const within of (await regions.idsWithin(tx, id)).toReversed()) {
          await limits.removeOf(tx, { regionId: within })
          await regions.remove(tx, within)
        }
      }))
    },
  }
}

async function get(tx: Tx, id: string): Promise<Region> {
  const region = await regions.find(tx, id)
  if (!region) throw notFound('region', id)
  return region
}

function storing<T>(id: string, parentId: string | null | undefined, work: () => Promise<T>): Promise<T> {
  return orFault({ unique: cause => conflict('region', `Duplicate ID, ${id}.`, cause), reference: () => notFound('region', String(parentId)) }, work)
}

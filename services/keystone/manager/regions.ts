// Regions.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Region } from '../model/catalog.ts'
import { conflict, notFound, refused } from '../model/faults.ts'
import * as rules from '../policy/regions.ts'
import * as limits from '../store/limits.ts'
import * as regions from '../store/regions.ts'
import type { Deps } from './deps.ts'

/** What a client may say of a region. */
export interface RegionInput { id?: string | undefined, description?: string | undefined, parentId?: string | null | undefined, extra?: Readonly<Record<string, unknown>> | undefined }

export type RegionManager = ReturnType<typeof regionManager>

/** The use cases of regions. */
export function regionManager({ db, ids }: Deps) {
  return {
    async show(ctx: Context, id: string): Promise<Region> {
      ctx.authorize(rules.GET_REGION, {})
      const region = await db.read(tx => regions.find(tx, id))
      if (!region) throw notFound('region', id)
      return region
    },

    async list(ctx: Context, query: { parentId?: string | undefined }): Promise<Region[]> {
      ctx.authorize(rules.LIST_REGIONS, {})
      return db.read(tx => regions.list(tx, query))
    },

    async create(ctx: Context, input: RegionInput): Promise<Region> {
      ctx.authorize(rules.CREATE_REGION, {})
      const region: Region = { id: input.id ?? ids.hex(), description: input.description ?? '', parentId: input.parentId ?? null, extra: input.extra ?? {} }
      await storing(region.id, region.parentId, () => db.write(tx => regions.insert(tx, region)))
      return region
    },

    async update(ctx: Context, id: string, input: RegionInput): Promise<Region> {
      ctx.authorize(rules.UPDATE_REGION, {})
      return storing(id, input.parentId, () => db.write(async tx => {
        const region = await regions.find(tx, id)
        if (!region) throw notFound('region', id)
        const next = { ...region, description: input.description ?? region.description, parentId: input.parentId === undefined ? region.parentId : input.parentId, extra: { ...region.extra, ...input.extra } }
        for (let above = next.parentId; above !== null; above = (await regions.find(tx, above))?.parentId ?? null) if (above === id) throw refused('region.circle', `Region ${id} cannot stand within itself.`)
        await regions.update(tx, next)
        return next
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_REGION, {})
      try {
        await db.write(async tx => {
          if (!await regions.find(tx, id)) throw notFound('region', id)
          await limits.removeOf(tx, { regionId: id })
          await regions.remove(tx, id)
        })
      } catch (error) {
        if (isForeignKeyViolation(error)) throw refused('region.inUse', `Unable to delete region ${id} because it or its child regions have associated endpoints.`)
        throw error
      }
    },
  }
}

async function storing<T>(id: string, parentId: string | null | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('region', `Duplicate entry found with id ${id}`, error)
    if (isForeignKeyViolation(error)) throw notFound('region', String(parentId))
    throw error
  }
}

// Flavors, their extra specs, and who may use those that are not public.
import { isForeignKeyViolation, isUniqueViolation, type PageRequest } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound } from '../model/faults.ts'
import type { Flavor } from '../model/flavors.ts'
import * as specRules from '../policy/flavor-specs.ts'
import * as rules from '../policy/flavors.ts'
import * as flavors from '../store/flavors.ts'
import type { FlavorFilter } from '../store/flavors.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** The use cases of flavors. */
export function flavorManager({ db, clock, ids }: Pick<Deps, 'db' | 'clock' | 'ids'>) {
  const isAdmin = (ctx: Context) => ctx.allowed(rules.OS_FLAVOR_ACCESS, {})

  async function visible(ctx: Context, tx: Tx, id: string): Promise<Flavor> {
    const flavor = await flavors.find(tx, id)
    const seen = flavor && (flavor.isPublic || isAdmin(ctx) || (await flavors.accessOf(tx, id)).includes(ctx.credentials.projectId ?? ''))
    if (!seen) throw notFound('flavor', `Flavor ${id} could not be found.`)
    return flavor
  }

  return {
    /** True when the caller sees extra specs among a flavor's details (2.61). */
    seesSpecs: (ctx: Context) => ctx.allowed(specRules.INDEX, { project_id: ctx.credentials.projectId, user_id: ctx.credentials.userId }),

    show: (ctx: Context, id: string) => db.read(tx => visible(ctx, tx, id)),

    /** `isPublic`: true, false, or undefined for both; only admins choose. */
    async list(ctx: Context, query: { isPublic: boolean | undefined, filter: FlavorFilter, sort: PageRequest['sort'], limit: number, marker: string | undefined }): Promise<{ flavors: Flavor[], more: boolean }> {
      const filter = isAdmin(ctx) ? { ...query.filter, isPublic: query.isPublic } : { ...query.filter, forProject: ctx.credentials.projectId ?? '' }
      return db.read(async tx => {
        const after = query.marker === undefined ? undefined : await flavors.sortValues(tx, query.marker, query.sort.map(key => key.column))
        if (query.marker !== undefined && !after) throw invalid('marker.notFound', `marker [${query.marker}] not found`)
        const { rows, more } = await flavors.page(tx, filter, { limit: query.limit, sort: query.sort, after })
        return { flavors: rows, more }
      })
    },

    async create(ctx: Context, input: Omit<Flavor, 'id' | 'disabled' | 'extraSpecs'> & { id: string | undefined }): Promise<Flavor> {
      ctx.authorize(rules.CREATE, {})
      const flavor: Flavor = { ...input, id: input.id ?? ids.uuid(), disabled: false, extraSpecs: {} }
      try {
        await db.write(tx => flavors.insert(tx, flavor, clock.now()))
      } catch (error) {
        if (isUniqueViolation(error, 'name')) throw conflict('flavor.exists', `Flavor with name ${flavor.name} already exists.`)
        if (isUniqueViolation(error)) throw conflict('flavor.exists', `Flavor with ID ${flavor.id} already exists.`)
        throw error
      }
      return flavor
    },

    async update(ctx: Context, id: string, description: string | null): Promise<Flavor> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(async tx => {
        const flavor = await visible(ctx, tx, id)
        await flavors.setDescription(tx, id, description)
        return { ...flavor, description }
      })
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE, {})
      await db.write(async tx => { await visible(ctx, tx, id); await flavors.remove(tx, id) })
    },

    /** A flavor's extra specs, or a change of them. */
    async specs(ctx: Context, rule: Rule, id: string, change?: (specs: Readonly<Record<string, string>>) => Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
      ctx.authorize(rule, { project_id: ctx.credentials.projectId, user_id: ctx.credentials.userId })
      if (!change) return (await db.read(tx => visible(ctx, tx, id))).extraSpecs
      return db.write(async tx => {
        const flavor = await visible(ctx, tx, id)
        const specs = change(flavor.extraSpecs)
        if (!await flavors.setExtraSpecs(tx, flavor, specs)) throw conflict('flavor.changed', `Flavor ${id} extra specs cannot be updated or created: somebody else changes them. Try again.`)
        return specs
      })
    },

    async access(ctx: Context, id: string): Promise<string[]> {
      ctx.authorize(rules.OS_FLAVOR_ACCESS, {})
      return db.read(async tx => {
        if ((await visible(ctx, tx, id)).isPublic) throw notFound('flavorAccess', 'Access list not available for public flavors.')
        return flavors.accessOf(tx, id)
      })
    },

    async changeAccess(ctx: Context, id: string, projectId: string, how: 'add' | 'remove'): Promise<string[]> {
      ctx.authorize(how === 'add' ? rules.ADD_TENANT_ACCESS : rules.REMOVE_TENANT_ACCESS, {})
      try {
        return await db.write(async tx => {
          if ((await visible(ctx, tx, id)).isPublic) throw conflict('flavorAccess.public', `Can not ${how} access ${how === 'add' ? 'to' : 'from'} a public flavor.`)
          if (how === 'add') await flavors.addAccess(tx, id, projectId)
          else if (!await flavors.removeAccess(tx, id, projectId)) throw notFound('flavorAccess', `Flavor access not found for ${id} / ${projectId} combination.`)
          return flavors.accessOf(tx, id)
        })
      } catch (error) {
        if (isUniqueViolation(error)) throw conflict('flavorAccess.exists', `Flavor access already exists for flavor ${id} and project ${projectId} combination.`)
        if (isForeignKeyViolation(error)) throw notFound('flavor', `Flavor ${id} could not be found.`)
        throw error
      }
    },
  }
}

export type FlavorManager = ReturnType<typeof flavorManager>

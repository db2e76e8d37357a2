// Quotas and limits.
import type { Context } from '@alto/kit/context'
import { invalid } from '../model/faults.ts'
import { COUNTED, defaultLimits, type Counted, type Limits } from '../model/quotas.ts'
import * as limitRules from '../policy/limits.ts'
import * as rules from '../policy/quotas.ts'
import * as quotas from '../store/quotas.ts'
import * as serverGroups from '../store/server-groups.ts'
import type { Deps } from './deps.ts'

/** Limits, what is used of those that are counted, and how many server groups there are. */
export interface QuotaView { readonly limits: Limits, readonly used: Readonly<Record<Counted, number>>, readonly serverGroups: number }

/** The use cases of quotas. */
export function quotaManager({ db, options }: Pick<Deps, 'db' | 'options'>) {
  const defaults = (): Limits => defaultLimits(options)
  const read = (projectId: string): Promise<QuotaView> => db.read(async tx => ({
    limits: await quotas.limits(tx, projectId, defaults()), used: await quotas.usage(tx, projectId), serverGroups: (await serverGroups.list(tx, projectId, { limit: 1000, offset: 0 })).length,
  }))
  return {
    async show(ctx: Context, projectId: string, detailed: boolean): Promise<QuotaView> {
      ctx.authorize(detailed ? rules.DETAIL : rules.SHOW, { project_id: projectId })
      return read(projectId)
    },

    /** The cloud's own. */
    defaults(ctx: Context): Limits {
      ctx.authorize(rules.DEFAULTS, {})
      return defaults()
    },

    /** Throws Fault badRequest below what is used, unless forced. */
    async update(ctx: Context, projectId: string, changes: Readonly<Record<string, number>>, force: boolean): Promise<QuotaView> {
      ctx.authorize(rules.UPDATE, { project_id: projectId })
      await db.write(async tx => {
        const used = await quotas.usage(tx, projectId)
        for (const [resource, amount] of Object.entries(changes)) {
          const taken = COUNTED.includes(resource as Counted) ? used[resource as Counted] : 0
          if (!force && amount >= 0 && amount < taken) throw invalid('quota.belowUse', `Quota limit ${amount} for ${resource} must be greater than or equal to already used and reserved ${taken}.`)
          if (resource in defaults()) await quotas.setLimit(tx, projectId, resource, amount)
        }
      })
      return read(projectId)
    },

    async remove(ctx: Context, projectId: string): Promise<void> {
      ctx.authorize(rules.DELETE, { project_id: projectId })
      await db.write(tx => quotas.removeLimits(tx, projectId))
    },

    /** What GET /limits shows. */
    async limits(ctx: Context, projectId: string | undefined): Promise<QuotaView> {
      ctx.authorize(limitRules.LIMITS, {})
      const own = ctx.credentials.projectId ?? ''
      if (projectId !== undefined && projectId !== own) ctx.authorize(limitRules.OTHER_PROJECT, { project_id: projectId })
      return read(projectId ?? own)
    },
  }
}

export type QuotaManager = ReturnType<typeof quotaManager>

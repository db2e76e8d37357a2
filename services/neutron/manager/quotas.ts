// Quotas: what a project has, may have, and who sets it.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { COUNTED, type Limits, type Usage } from '../model/quotas.ts'
import * as rules from '../policy/quotas.ts'
import * as quotas from '../store/quotas.ts'
import { defaultLimits, type Deps } from './deps.ts'

/** A project's usages. */
export interface ProjectUsages {
  readonly projectId: string
  readonly usages: readonly Usage[]
}

export type QuotaManager = ReturnType<typeof quotaManager>

/** The use cases of quotas. */
export function quotaManager(deps: Deps) {
  const { db } = deps
  const defaults = () => defaultLimits(deps.options)

  return {
    /** The projects whose limits were set. */
    async list(ctx: Context): Promise<ProjectUsages[]> {
      ctx.authorize(rules.GET_QUOTA, { project_id: '-' })
      return db.read(async tx => Promise.all((await quotas.listProjects(tx)).map(async projectId => ({ projectId, usages: await quotas.usages(tx, projectId, defaults()) }))))
    },

    async show(ctx: Context, projectId: string): Promise<readonly Usage[]> {
      ctx.authorize(rules.GET_QUOTA, { project_id: projectId, tenant_id: projectId })
      return db.read(tx => quotas.usages(tx, projectId, defaults()))
    },

    async defaults(ctx: Context, projectId: string): Promise<Limits> {
      ctx.authorize(rules.GET_QUOTA, { project_id: projectId, tenant_id: projectId })
      return defaults()
    },

    /** Throws Fault('badRequest', 'neutron.HTTPBadRequest') for names that are not counted and limits below -1. */
    async update(ctx: Context, projectId: string, said: Readonly<Record<string, unknown>>): Promise<readonly Usage[]> {
      ctx.authorize(rules.UPDATE_QUOTA, { project_id: projectId, tenant_id: projectId })
      const limits: Record<string, number> = {}
      for (const [name, value] of Object.entries(said)) {
        if (name === 'tenant_id' || name === 'project_id' || name === 'force' || name === 'check_limit') continue
        if (!(COUNTED as readonly string[]).includes(name)) throw bad(`Unrecognized attribute(s) '${name}'`)
        const limit = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value
        if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < -1 || limit > 2_147_483_647) throw bad(`Invalid input for ${name}. Reason: '${String(value).slice(0, 60)}' is not an integer of -1 or more.`)
        limits[name] = limit
      }
      return db.write(async tx => {
        await quotas.setLimits(tx, projectId, limits)
        return quotas.usages(tx, projectId, defaults())
      })
    },

    async remove(ctx: Context, projectId: string): Promise<void> {
      ctx.authorize(rules.DELETE_QUOTA, { project_id: projectId, tenant_id: projectId })
      await db.write(tx => quotas.removeLimits(tx, projectId))
    },
  }
}

function bad(message: string): Fault {
  return new Fault('badRequest', 'neutron.HTTPBadRequest', message)
}

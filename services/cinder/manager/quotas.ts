// Quotas: limits by project, changed defaults, and what is used of them.
import type { Context } from '@alto/kit/context'
import { invalid } from '../model/faults.ts'
import { COUNTED, DEFAULT_QUOTAS, UNLIMITED } from '../model/quotas.ts'
import * as classRules from '../policy/quota-classes.ts'
import * as rules from '../policy/quotas.ts'
import * as quotas from '../store/quotas.ts'
import type { Tx } from '../store/tables.ts'
import * as types from '../store/volume-types.ts'
import { effectiveLimits, projectOf, type Deps } from './deps.ts'

/** Limit and use of each resource. */
export type Quotas = Map<string, { limit: number, used: number }>

export type QuotaManager = ReturnType<typeof quotaManager>

/** The use cases of quotas. */
export function quotaManager({ db }: Deps) {
  async function read(tx: Tx, projectId: string): Promise<Quotas> {
    const [limits, used] = [await effectiveLimits(tx, projectId), await quotas.useOf(tx, projectId)]
    return new Map((await resources(tx)).map(name => [name, { limit: limits.get(name) ?? UNLIMITED, used: used.get(name) ?? 0 }]))
  }

  async function write(projectId: string, limits: Readonly<Record<string, number>>, lives: string): Promise<Quotas> {
    return db.write(async tx => {
      const known = new Set(await resources(tx))
      const bad = Object.keys(limits).filter(name => !known.has(name))
      if (bad.length) throw invalid(`Invalid input received: Invalid key(s): ${bad.join(', ')}`)
      for (const [name, limit] of Object.entries(limits)) await quotas.setLimit(tx, projectId, name, limit)
      return read(tx, lives)
    })
  }

  return {
    async show(ctx: Context, projectId: string): Promise<Quotas> {
      ctx.authorize(rules.SHOW, { project_id: projectId })
      return db.read(tx => read(tx, projectId))
    },

    async defaults(ctx: Context, projectId: string): Promise<Quotas> {
      ctx.authorize(rules.SHOW, { project_id: projectId })
      return db.read(tx => read(tx, quotas.CLASS_DEFAULT))
    },

    async update(ctx: Context, projectId: string, limits: Readonly<Record<string, number>>): Promise<Quotas> {
      ctx.authorize(rules.UPDATE, {})
      return write(projectId, limits, projectId)
    },

    async remove(ctx: Context, projectId: string): Promise<void> {
      ctx.authorize(rules.DELETE, {})
      await db.write(tx => quotas.removeLimits(tx, projectId))
    },

    async showClass(ctx: Context): Promise<Quotas> {
      ctx.authorize(classRules.GET, {})
      return db.read(tx => read(tx, quotas.CLASS_DEFAULT))
    },

    async updateClass(ctx: Context, limits: Readonly<Record<string, number>>): Promise<Quotas> {
      ctx.authorize(classRules.UPDATE, {})
      return write(quotas.CLASS_DEFAULT, limits, quotas.CLASS_DEFAULT)
    },

    /** The caller's own limits and use. */
    async limits(ctx: Context): Promise<Quotas> {
      ctx.authorize(rules.USED_LIMITS, { project_id: projectOf(ctx) })
      return db.read(tx => read(tx, projectOf(ctx)))
    },
  }
}

async function resources(tx: Tx): Promise<string[]> {
  const names = (await types.list(tx)).map(type => type.name).toReversed()
  return [...Object.keys(DEFAULT_QUOTAS), ...names.flatMap(name => COUNTED.map(counted => `${counted}_${name}`))]
}

// Unified limits, asked of Keystone and held where upstream holds them; nothing where the site does not use them.
//
// The limits are read before the transaction, the use in it, with the project's row of usage held: of two at once the second counts what the first has made.
import type { Context } from '@alto/kit/context'
import type { ProjectLimits } from '@alto/kit/openstack'
import { limitOf, MEBIBYTE, refuseBeyond, RESOURCES, type Resource } from '../model/limits.ts'
import { DEFAULT } from '../policy/base.ts'
import type { Tx } from '../store/tables.ts'
import * as usage from '../store/usage.ts'
import type { Deps } from './deps.ts'

/** The caller's project and what it may have; undefined where nothing is limited. */
export type Held = { project: string, limits: ProjectLimits } | undefined

type Asked = Pick<Deps, 'options' | 'limits'>

/** Reads the limits. Throws what asking Keystone throws. */
export async function heldTo({ options, limits }: Asked, ctx: Context): Promise<Held> {
  const project = ctx.credentials.projectId
  return options.useKeystoneLimits && limits && project !== undefined ? { project, limits: await limits.of(project) } : undefined
}

/** Throws Fault('overQuota', 'glance.limit') when the project would have more of a resource than it may; what the transaction has written counts. */
export async function hold(tx: Tx, held: Held, wanted: Partial<Record<Resource, number>>): Promise<void> {
  if (!held) return
  await usage.claim(tx, held.project)
  const used = await usage.counted(tx, held.project)
  for (const resource of RESOURCES) {
    const more = wanted[resource]
    if (more !== undefined) refuseBeyond(held.limits, used, { project: held.project, resource, more })
  }
}

/** Whole MiB of bytes that were announced; none of those that were not. */
export function announced(bytes: number | undefined): number {
  return Math.floor((bytes ?? 0) / MEBIBYTE)
}

export type LimitManager = ReturnType<typeof limitManager>

/** The use case of limits. */
export function limitManager(deps: Deps) {
  return {
    /** What the caller's project has and may have, by resource; nothing where nothing is limited. */
    async usage(ctx: Context): Promise<Partial<Record<Resource, { usage: number, limit: number }>>> {
      ctx.authorize(DEFAULT, {})
      const held = await heldTo(deps, ctx)
      if (!held) return {}
      const used = await deps.db.read(tx => usage.counted(tx, held.project))
      return Object.fromEntries(RESOURCES.map(resource => [resource, { usage: used[resource], limit: limitOf(held.limits, resource) }]))
    },
  }
}

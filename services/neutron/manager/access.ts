// Who may do what with an attribute, whose a new resource is, and what a repeated create finds.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { overQuota } from '../model/faults.ts'
import type { Network } from '../model/networks.ts'
import type { Counted } from '../model/quotas.ts'
import * as base from '../policy/base.ts'
import * as idempotency from '../store/idempotency.ts'
import type { Condition, ListRequest } from '../store/listing.ts'
import * as quotas from '../store/quotas.ts'
import type { Tx } from '../store/tables.ts'
import { defaultLimits, type Deps } from './deps.ts'

export type Target = Readonly<Record<string, unknown>>

/** What a list asks, and what it got. */
export type Listing = ListRequest
export interface Page<T> {
  readonly items: readonly T[]
  readonly more: boolean
}

/** The project that a create is for. Only an admin names another than its own. Throws Fault('badRequest', 'neutron.BadRequest'). */
export function projectOf(ctx: Context, input: { tenant_id?: string | undefined, project_id?: string | undefined }): string {
  const named = input.project_id ?? input.tenant_id
  const own = ctx.credentials.projectId
  if (named !== undefined && named !== own && !ctx.allowed(base.CONTEXT_IS_ADMIN, {}) && !ctx.allowed(base.CONTEXT_IS_ADVSVC, {}) && !ctx.allowed(base.SERVICE_API, {})) {
    throw new Fault('badRequest', 'neutron.HTTPBadRequest', 'Specifying \'project_id\' or \'tenant_id\' other than the authenticated project in request requires admin privileges')
  }
  const project = named ?? own
  if (project === undefined) throw new Fault('badRequest', 'neutron.HTTPBadRequest', 'Running without keystone AuthN requires that tenant_id is specified')
  return project
}

/** Asks the rule of each attribute that the request itself carries. Throws what the dialect says to refusals. */
export function authorizeAttributes(ctx: Context, given: ReadonlySet<string>, rules: Readonly<Record<string, Rule>>, target: Target): void {
  for (const [name, rule] of Object.entries(rules)) if (given.has(name)) ctx.authorize(rule, target)
}

/** What rules are asked about a resource on a network. */
export function onNetwork(network: Pick<Network, 'projectId' | 'shared' | 'external'>, projectId: string, more: Target = {}): Target {
  return {
    project_id: projectId, tenant_id: projectId, 'network:project_id': network.projectId, 'network:tenant_id': network.projectId, shared: network.shared, 'router:external': network.external, ...more,
  }
}

/** Counts `n` more of a resource. Throws Fault('overQuota', 'neutron.OverQuota'). The last statement of its transaction. */
export async function useQuota(tx: Tx, deps: Deps, projectId: string, resource: Counted, n: number): Promise<void> {
  if (!await quotas.use(tx, projectId, resource, n, defaultLimits(deps.options))) throw overQuota(resource)
}

/** The key under which a create of this caller is known; undefined when it named none. */
export function repeatKey(ctx: Context, index: number): string | undefined {
  return ctx.idempotencyKey === undefined ? undefined : `${ctx.idempotencyKey}/${index}`
}

/** What was made under the same key, else what `make` makes and is remembered by. Of two that come with one key at once the second waits for the first's end. */
export async function once<T extends { readonly id: string }>(tx: Tx, key: string | undefined, kind: string, again: (id: string) => Promise<T | undefined>, make: () => Promise<T>): Promise<T> {
  if (key === undefined) return make()
  const known = await idempotency.reserve(tx, key, kind)
  const before = known === undefined ? undefined : await again(known)
  if (before) return before
  const made = await make()
  await idempotency.set(tx, key, made.id)
  return made
}

/** The condition on a filter of a name that is no column of the noun; undefined when there is no such name. */
export type SpecialFilter = (name: string, values: readonly string[]) => Condition | undefined

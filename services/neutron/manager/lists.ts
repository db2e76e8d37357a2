// Lists: what the caller may see of what it asked for.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { notFound, type Noun } from '../model/faults.ts'
import { anyOf, listRows, tagCondition, type Column, type Condition } from '../store/listing.ts'
import type { Tables, Tx } from '../store/tables.ts'
import type { Listing, SpecialFilter } from './access.ts'

/** The tables that clients list. */
export type Listed = 'networks' | 'subnets' | 'ports' | 'routers' | 'floatingips' | 'security_groups' | 'security_group_rules'

/** How the lists of a noun are made. `mine` is the condition on rows that belong to a project, or are shown to it. */
export interface ListPlan<T extends Listed> {
  readonly table: T
  readonly noun: Noun
  readonly rule: Rule
  readonly columns: Readonly<Record<string, Column>>
  readonly special?: SpecialFilter
  readonly mine: (projectId: string) => Condition
}

/** A target that nobody owns and nobody shares: who may see it, may see all. */
const FOREIGN = { project_id: '-', tenant_id: '-', 'network:project_id': '-', 'network:tenant_id': '-', 'security_group:project_id': '-', shared: false, 'router:external': false }

/**
 * A page of the rows that the caller may see. What the rule says of somebody else's row decides whether the list goes beyond the caller's own.
 * Throws Fault('badRequest') for names that are no filters or sort keys, Fault('notFound') for a marker that is not there.
 */
export async function listVisible<T extends Listed>(
  ctx: Context, tx: Tx, plan: ListPlan<T>, request: Listing,
): Promise<{ rows: Tables[T][], more: boolean }> {
  const own = ctx.credentials.projectId ?? ''
  const all = ctx.allowed(plan.rule, FOREIGN)
  if (!asks(ctx, plan.rule, all ? FOREIGN : { project_id: own, tenant_id: own, 'network:project_id': own, 'security_group:project_id': own, shared: false, 'router:external': false })) return { rows: [], more: false }
  const conditions = [...request.filters].map(([name, values]) => conditionOf(plan, name, values))
  if (!all) conditions.push(plan.mine(own))
  const sort = request.sort.map(key => ({ column: sortColumn(plan.columns, key.column), direction: key.direction }))
  const after = request.marker === undefined ? undefined : (await listRows(tx, plan.table, { sort: [{ column: 'id', direction: 'asc' }], limit: 1 }, [anyOf({ column: 'id', kind: 'text' }, [request.marker])])).rows[0]
  if (request.marker !== undefined && !after) throw notFound(plan.noun, request.marker)
  return listRows(tx, plan.table, { sort: [...sort, ...(sort.some(key => key.column === 'id') ? [] : [{ column: 'id', direction: sort[0]?.direction ?? 'asc' as const }])], limit: request.limit, after }, conditions)
}

/** Upstream lists nothing, rather than refuse, for who may see nothing. */
export function asks(ctx: Context, rule: Rule, target: Readonly<Record<string, unknown>>): boolean {
  try {
    ctx.authorize(rule, target)
    return true
  } catch {
    return false
  }
}

function conditionOf(plan: Pick<ListPlan<'networks'>, 'columns' | 'special'>, name: string, values: readonly string[]): Condition {
  const column = Object.hasOwn(plan.columns, name) ? plan.columns[name] : undefined
  if (column) return anyOf(column, values)
  if (/^(not-)?tags(-any)?$/.test(name)) return tagCondition(name, values)
  const special = plan.special?.(name, values)
  if (!special) throw new Fault('badRequest', 'neutron.HTTPBadRequest', `['${name}'] is invalid attribute for filtering`)
  return special
}

function sortColumn(columns: Readonly<Record<string, Column>>, name: string): string {
  const times: Readonly<Record<string, string>> = { created_at: 'created_at', updated_at: 'updated_at' }
  const column = (Object.hasOwn(columns, name) ? columns[name]?.column : undefined) ?? times[name]
  if (column === undefined) throw new Fault('badRequest', 'neutron.HTTPBadRequest', `['${name}'] is invalid attribute for sort_key`)
  return column
}

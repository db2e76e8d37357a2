// SQL for projects and domains.
import { fromJson, sql, toJson, type SqlBool } from '@alto/kit/db'
import type { Listed, Listing } from '../../model/filters.ts'
import type { Project, TagFilter } from '../../model/projects/projects.ts'
import { page } from '../filters.ts'
import type { Tables, Tx } from '../tables.ts'

/** The fields that lists of projects and domains are filtered by. */
export type ProjectField = 'name' | 'domain_id' | 'parent_id' | 'enabled'

/** Which projects a list holds. */
export interface ProjectFilter {
  isDomain: boolean
  domainId?: string | undefined
  parentId?: string | undefined
  ids?: readonly string[] | undefined
}

/** The project or domain, or undefined. */
export async function find(tx: Tx, id: string): Promise<Project | undefined> {
  const row = await tx.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The project of that name in the domain, or the domain of that name when `domainId` is null. */
export async function findByName(tx: Tx, domainId: string | null, name: string): Promise<Project | undefined> {
  const row = await tx.selectFrom('projects').selectAll().where('name', '=', name).where('domain_id', domainId === null ? 'is' : '=', domainId).executeTakeFirst()
  return row && fromRow(row)
}

/** Projects or domains by filter, by name. */
export async function list(tx: Tx, filter: ProjectFilter): Promise<Project[]> {
  let query = tx.selectFrom('projects').selectAll().where('is_domain', '=', filter.isDomain ? 1 : 0)
  if (filter.domainId !== undefined) query = query.where('domain_id', '=', filter.domainId)
  if (filter.parentId !== undefined) query = query.where('parent_id', '=', filter.parentId)
  if (filter.ids) query = query.where('id', 'in', filter.ids.length ? filter.ids : [''])
  return (await query.orderBy('name').orderBy('id').execute()).map(fromRow)
}

/** A page of projects, or of domains, by name. */
export async function listPage(tx: Tx, listing: Listing<ProjectField>, which: { isDomain: boolean, ids?: readonly string[] | undefined, domainId?: string | undefined, tags?: TagFilter | undefined }): Promise<Listed<Project>> {
  let query = tx.selectFrom('projects').selectAll().where('is_domain', '=', which.isDomain ? 1 : 0)
  if (which.ids) query = query.where('id', 'in', which.ids.length ? which.ids : [''])
  if (which.domainId !== undefined) query = query.where('domain_id', '=', which.domainId)
  const { all, any, notAll, notAny } = which.tags ?? {}
  for (const condition of [all && hasTags(all, 'and'), any && hasTags(any, 'or'), notAll && sql<SqlBool>`not ${hasTags(notAll, 'and')}`, notAny && sql<SqlBool>`not ${hasTags(notAny, 'or')}`]) if (condition) query = query.where(condition)
  const { items, more } = await page(query, listing, { name: 'name', domain_id: 'domain_id', parent_id: 'parent_id', enabled: 'enabled' }, ['name'])
  return { items: items.map(fromRow), more }
}

/** The projects below one, nearer ones first. */
export async function below(tx: Tx, id: string): Promise<Project[]> {
  const found: Project[] = []
  for (let above = [id]; above.length > 0;) {
    const level = (await tx.selectFrom('projects').selectAll().where('parent_id', 'in', above).where('is_domain', '=', 0).orderBy('name').execute()).map(fromRow)
    found.push(...level)
    above = level.map(p => p.id)
  }
  return found
}

/** The ids above the project, nearest first, its domain last. */
export async function idsAbove(tx: Tx, project: Project): Promise<string[]> {
  const above: string[] = []
  for (let parent = project.parentId; parent !== null;) {
    above.push(parent)
    parent = (await tx.selectFrom('projects').select('parent_id').where('id', '=', parent).executeTakeFirst())?.parent_id ?? null
  }
  return above
}

/** The id above each project, by its id: the whole tree in one query. */
export async function parents(tx: Tx): Promise<Map<string, string | null>> {
  const rows = await tx.selectFrom('projects').select(['id', 'parent_id']).where('is_domain', '=', 0).execute()
  return new Map(rows.map(row => [row.id, row.parent_id]))
}

/** Adds a project or domain. Breaks the unique index when the name is taken. */
export async function insert(tx: Tx, project: Project): Promise<void> {
  await tx.insertInto('projects').values(toRow(project)).execute()
}

/** Writes all of the project's columns. */
export async function update(tx: Tx, project: Project): Promise<void> {
  await tx.updateTable('projects').set(toRow(project)).where('id', '=', project.id).execute()
}

/** Removes it. Breaks a foreign key while something is in it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('projects').where('id', '=', id).execute()
}

/** A tag stands in the column as JSON wrote it, after a bracket or comma. No other tag's JSON holds that: there are no commas in tags, and a quote within one follows a backslash. */
function hasTags(tags: readonly string[], junction: 'and' | 'or') {
  return sql<SqlBool>`(${sql.join(tags.map(tag => sql`(replace(tags, ${`[${JSON.stringify(tag)}`}, '') <> tags or replace(tags, ${`,${JSON.stringify(tag)}`}, '') <> tags)`), junction === 'and' ? sql` and ` : sql` or `)})`
}

function fromRow(row: Tables['projects']): Project {
  return {
    id: row.id, name: row.name, domainId: row.domain_id, parentId: row.parent_id, isDomain: row.is_domain === 1, enabled: row.enabled === 1,
    description: row.description, options: fromJson(row.options, {}), tags: fromJson(row.tags, []), extra: fromJson(row.extra, {}),
  }
}

function toRow(p: Project): Tables['projects'] {
  return {
    id: p.id, name: p.name, domain_id: p.domainId, parent_id: p.parentId, is_domain: Number(p.isDomain), enabled: Number(p.enabled),
    description: p.description, options: toJson(p.options), tags: toJson(p.tags), extra: toJson(p.extra),
  }
}

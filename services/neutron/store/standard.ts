// Columns that every resource has, and JSON columns.
import { fromJson, toJson } from '@alto/kit/db'
import type { Standard } from '../model/standard.ts'

/** The standard columns. */
export interface StandardRow {
  id: string
  project_id: string
  description: string
  tags: string
  revision: number
  created_at: number
  updated_at: number
}

/** The columns, for `create table`. */
export const STANDARD_COLUMNS = 'id text primary key, project_id text not null, description text not null, tags text not null, revision integer not null, created_at bigint not null, updated_at bigint not null'

/** The attributes of a row. */
export function standardOf(row: StandardRow): Standard {
  return {
    id: row.id, projectId: row.project_id, description: row.description, tags: fromJson<string[]>(row.tags, []), revision: row.revision,
    createdAt: Number(row.created_at), updatedAt: Number(row.updated_at),
  }
}

/** The row of a resource's standard attributes. */
export function standardRow(s: Standard): StandardRow {
  return { id: s.id, project_id: s.projectId, description: s.description, tags: toJson(s.tags), revision: s.revision, created_at: s.createdAt, updated_at: s.updatedAt }
}

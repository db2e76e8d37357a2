// The tables of metadata definitions. A definition's key is its name, in small letters where those do not count.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface MetadefTables {
  metadef_namespaces: {
    id: string, namespace: string, display_name: string | null, description: string | null, visibility: string, protected: number, owner: string, created_at: number, updated_at: number
  }
  metadef_definitions: { namespace_id: string, kind: string, key: string, name: string, content: string, created_at: number, updated_at: number }
  metadef_resource_types: { name: string, created_at: number, updated_at: number }
  /** The namespaces of ours that were loaded once: what an operator removed does not come back. */
  metadef_loaded: { namespace: string }
}

export const metadefMigrations: readonly Migration[] = [
  {
    id: '0100-metadefs',
    up: [
      `create table metadef_namespaces (id text primary key, namespace text not null unique, display_name text, description text, visibility text not null, protected integer not null,
        owner text not null, created_at bigint not null, updated_at bigint not null)`,
      'create index metadef_namespaces_owner on metadef_namespaces (owner)',
      `create table metadef_definitions (namespace_id text not null references metadef_namespaces(id) on delete cascade, kind text not null, key text not null, name text not null,
        content text not null, created_at bigint not null, updated_at bigint not null, primary key (namespace_id, kind, key))`,
      'create index metadef_definitions_name on metadef_definitions (kind, name)',
      'create table metadef_resource_types (name text primary key, created_at bigint not null, updated_at bigint not null)',
      'create table metadef_loaded (namespace text primary key)',
    ],
  },
]

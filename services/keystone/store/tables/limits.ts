// The tables of unified limits.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface LimitTables {
  registered_limits: { id: string, service_id: string, region_id: string | null, resource_name: string, default_limit: number, description: string | null, revision: number }
  limits: { id: string, registered_limit_id: string, project_id: string | null, domain_id: string | null, resource_limit: number, description: string | null }
}

export const limitMigrations: readonly Migration[] = [
  {
    id: '0040-limits',
    up: [
      `create table registered_limits (id text primary key, service_id text not null references services(id) on delete cascade, region_id text references regions(id) on delete cascade,
        resource_name text not null, default_limit integer not null, description text, revision integer not null)`,
      "create unique index registered_limits_resource on registered_limits (service_id, coalesce(region_id, ''), resource_name)",
      'create index registered_limits_region on registered_limits (region_id)',
      `create table limits (id text primary key, registered_limit_id text not null references registered_limits(id) on delete restrict, project_id text references projects(id) on delete cascade,
        domain_id text references projects(id) on delete cascade, resource_limit integer not null, description text)`,
      'create unique index limits_project on limits (project_id, registered_limit_id) where project_id is not null',
      'create unique index limits_domain on limits (domain_id, registered_limit_id) where domain_id is not null',
      'create index limits_registered on limits (registered_limit_id)',
    ],
  },
]

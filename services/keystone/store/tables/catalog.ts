// The tables of what projects see of the catalog, and of the policies that its endpoints are to follow.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface CatalogTables {
  endpoint_groups: { id: string, name: string, description: string | null, filters: string }
  project_endpoints: { project_id: string, endpoint_id: string }
  project_endpoint_groups: { project_id: string, endpoint_group_id: string }
  policies: { id: string, type: string, blob: string, extra: string }
  policy_associations: { policy_id: string, endpoint_id: string | null, service_id: string | null, region_id: string | null }
}

export const catalogMigrations: readonly Migration[] = [
  {
    id: '0041-endpoint-filters',
    up: [
      'create table endpoint_groups (id text primary key, name text not null, description text, filters text not null)',
      `create table project_endpoints (project_id text not null references projects(id) on delete cascade, endpoint_id text not null references endpoints(id) on delete cascade,
        primary key (project_id, endpoint_id))`,
      'create index project_endpoints_endpoint on project_endpoints (endpoint_id)',
      `create table project_endpoint_groups (project_id text not null references projects(id) on delete cascade, endpoint_group_id text not null references endpoint_groups(id) on delete cascade,
        primary key (project_id, endpoint_group_id))`,
      'create index project_endpoint_groups_group on project_endpoint_groups (endpoint_group_id)',
    ],
  },
  {
    id: '0042-policies',
    up: [
      'create table policies (id text primary key, type text not null, blob text not null, extra text not null)',
      `create table policy_associations (policy_id text not null references policies(id) on delete cascade, endpoint_id text references endpoints(id) on delete cascade,
        service_id text references services(id) on delete cascade, region_id text references regions(id) on delete cascade)`,
      'create index policy_associations_policy on policy_associations (policy_id)',
      'create unique index policy_associations_endpoint on policy_associations (endpoint_id) where endpoint_id is not null',
      "create unique index policy_associations_service on policy_associations (service_id, coalesce(region_id, '')) where service_id is not null",
      'create index policy_associations_region on policy_associations (region_id)',
    ],
  },
  {
    id: '0043-extras',
    up: ["alter table services add column extra text not null default '{}'", "alter table endpoints add column extra text not null default '{}'"],
  },
]

// The tables of who is who, who may what where, and where the services are.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface IdentityTables {
  projects: { id: string, name: string, domain_id: string | null, parent_id: string | null, is_domain: number, enabled: number, description: string, options: string, tags: string, extra: string }
  users: { id: string, name: string, domain_id: string, enabled: number, default_project_id: string | null, options: string, extra: string, tokens_from: number, created_at: number, password_number: number, failures: number, failed_at: number | null, active_at: number }
  groups: { id: string, name: string, domain_id: string, description: string, extra: string }
  group_members: { group_id: string, user_id: string }
  roles: { id: string, name: string, domain_id: string, description: string | null, options: string, extra: string }
  implied_roles: { prior_id: string, implied_id: string }
  assignments: { role_id: string, actor_kind: string, actor_id: string, target_kind: string, target_id: string, inherited: number }
  regions: { id: string, description: string, parent_id: string | null, extra: string }
  services: { id: string, type: string, name: string, description: string | null, enabled: number, extra: string }
  endpoints: { id: string, service_id: string, interface: string, region_id: string | null, url: string, enabled: number, extra: string }
  revoked_tokens: { audit_id: string, whole_chain: number, expires_at: number, revoked_at: number }
  revisions: { name: string, value: number }
}

export const identityMigrations: readonly Migration[] = [
  {
    id: '0001-identity',
    up: [
      `create table projects (id text primary key, name text not null, domain_id text references projects(id) on delete restrict, parent_id text references projects(id) on delete restrict,
        is_domain integer not null, enabled integer not null, description text not null, options text not null, tags text not null, extra text not null)`,
      'create unique index projects_name on projects (domain_id, name) where domain_id is not null',
      'create unique index domains_name on projects (name) where domain_id is null',
      'create index projects_parent on projects (parent_id)',
      `create table users (id text primary key, name text not null, domain_id text not null references projects(id) on delete restrict, enabled integer not null, default_project_id text,
        options text not null, extra text not null, tokens_from bigint not null, password_hash text, created_at bigint not null)`,
      'create unique index users_name on users (domain_id, name)',
      'create table groups (id text primary key, name text not null, domain_id text not null references projects(id) on delete restrict, description text not null, extra text not null)',
      'create unique index groups_name on groups (domain_id, name)',
      'create table group_members (group_id text not null references groups(id) on delete cascade, user_id text not null references users(id) on delete cascade, primary key (group_id, user_id))',
      'create index group_members_user on group_members (user_id)',
      "create table roles (id text primary key, name text not null, domain_id text not null, description text, options text not null)",
      'create unique index roles_name on roles (domain_id, name)',
      'create table implied_roles (prior_id text not null references roles(id) on delete cascade, implied_id text not null references roles(id) on delete cascade, primary key (prior_id, implied_id))',
      `create table assignments (role_id text not null references roles(id) on delete cascade, actor_kind text not null, actor_id text not null, target_kind text not null, target_id text not null,
        inherited integer not null, primary key (actor_kind, actor_id, target_kind, target_id, role_id, inherited))`,
      'create index assignments_target on assignments (target_kind, target_id)',
      'create index assignments_role on assignments (role_id)',
      'create table regions (id text primary key, description text not null, parent_id text references regions(id) on delete restrict, extra text not null)',
      'create table services (id text primary key, type text not null, name text not null, description text, enabled integer not null)',
      `create table endpoints (id text primary key, service_id text not null references services(id) on delete cascade, interface text not null, region_id text references regions(id) on delete restrict,
        url text not null, enabled integer not null)`,
      'create index endpoints_service on endpoints (service_id)',
      'create table revoked_tokens (audit_id text primary key, whole_chain integer not null, expires_at bigint not null)',
      'create index revoked_tokens_expiry on revoked_tokens (expires_at)',
    ],
  },
  {
    id: '0002-revisions',
    up: ['create table revisions (name text primary key, value bigint not null)', "insert into revisions (name, value) values ('verdicts', 0)"],
  },
]

export const roleMigrations: readonly Migration[] = [
  {
    id: '0032-role-extra',
    up: ["alter table roles add column extra text not null default '{}'"],
  },
]

/** A project that goes is looked for among all users. */
export const userMigrations: readonly Migration[] = [
  { id: '0045-default-projects', up: ['create index users_default_project on users (default_project_id) where default_project_id is not null'] },
]

// The tables of trusts and application credentials. All goes with its user and its project; what passes a trust on goes with that.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. Ends of application credentials are in microseconds: clients compare them to the last digit. */
export interface DelegationTables {
  trusts: { id: string, trustor_user_id: string, trustee_user_id: string, project_id: string | null, impersonation: number, expires_at: number | null, remaining_uses: number | null, redelegated_trust_id: string | null, redelegation_count: number, extra: string }
  trust_roles: { trust_id: string, role_id: string }
  application_credentials: { id: string, user_id: string, project_id: string, name: string, secret_hash: string, description: string | null, expires_at: number | null, unrestricted: number | null }
  application_credential_roles: { application_credential_id: string, role_id: string }
  access_rules: { id: string, user_id: string, service: string, path: string, method: string }
  application_credential_rules: { application_credential_id: string, access_rule_id: string }
}

export const delegationMigrations: readonly Migration[] = [
  {
    id: '0010-delegation',
    up: [
      `create table trusts (id text primary key, trustor_user_id text not null references users(id) on delete cascade, trustee_user_id text not null references users(id) on delete cascade,
        project_id text references projects(id) on delete cascade, impersonation integer not null, expires_at bigint, remaining_uses bigint,
        redelegated_trust_id text references trusts(id) on delete cascade, redelegation_count bigint not null, extra text not null)`,
      'create index trusts_trustor on trusts (trustor_user_id)',
      'create index trusts_trustee on trusts (trustee_user_id)',
      'create index trusts_project on trusts (project_id)',
      'create index trusts_redelegated on trusts (redelegated_trust_id)',
      // A role that goes stays named here: the trust then gives what nobody has, and is worth nothing.
      'create table trust_roles (trust_id text not null references trusts(id) on delete cascade, role_id text not null, primary key (trust_id, role_id))',
      `create table application_credentials (id text primary key, user_id text not null references users(id) on delete cascade, project_id text not null references projects(id) on delete cascade,
        name text not null, secret_hash text not null, description text, expires_at bigint, unrestricted integer)`,
      'create unique index application_credentials_name on application_credentials (user_id, name)',
      'create index application_credentials_project on application_credentials (project_id)',
      `create table application_credential_roles (application_credential_id text not null references application_credentials(id) on delete cascade, role_id text not null references roles(id) on delete cascade,
        primary key (application_credential_id, role_id))`,
      'create index application_credential_roles_role on application_credential_roles (role_id)',
      'create table access_rules (id text primary key, user_id text not null references users(id) on delete cascade, service text not null, path text not null, method text not null)',
      'create unique index access_rules_text on access_rules (user_id, service, path, method)',
      // No action, not restrict: a user's rules and the credentials that use them go in one statement, in either order.
      `create table application_credential_rules (application_credential_id text not null references application_credentials(id) on delete cascade, access_rule_id text not null references access_rules(id) on delete no action,
        primary key (application_credential_id, access_rule_id))`,
      'create index application_credential_rules_rule on application_credential_rules (access_rule_id)',
    ],
  },
  { id: '0011-ends-of-trusts', up: ['create index trusts_end on trusts (expires_at) where expires_at is not null'] },
]

// The table of the settings that domains have of their own.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface DomainConfigurationTables {
  domain_settings: { domain_id: string, group_name: string, option_name: string, value: string }
}

export const domainConfigurationMigrations: readonly Migration[] = [
  {
    id: '0031-domain-configuration',
    up: ['create table domain_settings (domain_id text not null references projects(id) on delete cascade, group_name text not null, option_name text not null, value text not null, primary key (domain_id, group_name, option_name))'],
  },
]

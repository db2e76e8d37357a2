// Placement's tables: times in milliseconds, amounts as whole numbers.
import type { Migration, Tx as KitTx } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface Tables {
  resource_providers: { id: string, name: string, parent_id: string | null, root_id: string, generation: number, updated_at: number }
  resource_classes: { name: string, updated_at: number }
  /** `capacity` is what the model makes of total, reserved and ratio; `used` is the sum of the allocations, changed with them. */
  inventories: {
    provider_id: string, resource_class: string, total: number, reserved: number, min_unit: number, max_unit: number, step_size: number, allocation_ratio: number
    capacity: number, used: number
  }
  consumers: { id: string, project_id: string, user_id: string, type: string | null, generation: number, updated_at: number }
  allocations: { consumer_id: string, provider_id: string, resource_class: string, used: number }
  traits: { name: string, updated_at: number }
  provider_traits: { provider_id: string, trait: string }
  provider_aggregates: { provider_id: string, aggregate_id: string }
}

export type Tx = KitTx<Tables>

export const migrations: readonly Migration[] = [
  {
    id: '0001-placement',
    up: [
      `create table resource_providers (id text primary key, name text not null, parent_id text references resource_providers(id) on delete restrict, root_id text not null,
        generation bigint not null, updated_at bigint not null)`,
      'create unique index resource_providers_name on resource_providers (name)',
      'create index resource_providers_parent on resource_providers (parent_id)',
      'create index resource_providers_root on resource_providers (root_id)',
      'create table resource_classes (name text primary key, updated_at bigint not null)',
      `create table inventories (provider_id text not null references resource_providers(id) on delete cascade, resource_class text not null, total bigint not null, reserved bigint not null,
        min_unit bigint not null, max_unit bigint not null, step_size bigint not null, allocation_ratio double precision not null, capacity bigint not null, used bigint not null check (used >= 0),
        primary key (provider_id, resource_class))`,
      'create index inventories_class on inventories (resource_class)',
      'create table consumers (id text primary key, project_id text not null, user_id text not null, type text, generation bigint not null, updated_at bigint not null)',
      'create index consumers_project on consumers (project_id, user_id)',
      `create table allocations (consumer_id text not null references consumers(id) on delete restrict, provider_id text not null, resource_class text not null, used bigint not null check (used > 0),
        primary key (consumer_id, provider_id, resource_class), foreign key (provider_id, resource_class) references inventories(provider_id, resource_class) on delete restrict)`,
      'create index allocations_inventory on allocations (provider_id, resource_class)',
      'create table traits (name text primary key, updated_at bigint not null)',
      'create table provider_traits (provider_id text not null references resource_providers(id) on delete cascade, trait text not null, primary key (provider_id, trait))',
      'create index provider_traits_trait on provider_traits (trait)',
      'create table provider_aggregates (provider_id text not null references resource_providers(id) on delete cascade, aggregate_id text not null, primary key (provider_id, aggregate_id))',
      'create index provider_aggregates_aggregate on provider_aggregates (aggregate_id)',
    ],
  },
]

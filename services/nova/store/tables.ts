// Nova's tables: JSON in text, booleans 0 and 1, times in milliseconds. Servers, their actions and faults stay when a server is deleted.
import type { Migration, Tx as KitTx } from '@alto/kit/db'
import { taskMigrations, type TaskTables } from '@alto/kit/task'

/** The rows, as Kysely sees them. */
export interface Tables extends TaskTables {
  /** Numbers that only grow: `wants` (the version of the newest wanted row) and `database_epoch`. */
  counters: { name: string, value: number }
  servers: ServersTable
  server_ports: { server_id: string, port_id: string, network_id: string, network_name: string, mac: string, fixed_ips: string, floating_ips: string, active: number, made_here: number, tag: string | null, mtu: number | null, created_at: number }
  server_volumes: ServerVolumesTable
  server_wants: ServerWantsTable
  server_copies: CopiesTable
  console_tokens: { hash: string, server_id: string, host: string, kind: string, created_at: number, expires_at: number }
  server_faults: { server_id: string, code: number, message: string, details: string, created_at: number }
  server_actions: { id: string, server_id: string, action: string, request_id: string, user_id: string, project_id: string, started_at: number, updated_at: number | null, message: string | null, shared: number }
  server_action_events: { action_id: string, event: string, started_at: number, finished_at: number | null, result: string | null, traceback: string | null, host: string | null }
  flavors: { id: string, name: string, ram: number, vcpus: number, disk: number, ephemeral: number, swap: number, rxtx_factor: number, is_public: number, disabled: number, description: string | null, extra_specs: string, created_at: number }
  flavor_access: { flavor_id: string, project_id: string }
  keypairs: { id: number, user_id: string, name: string, type: string, public_key: string, fingerprint: string, created_at: number }
  quotas: { project_id: string, resource: string, amount: number }
  quota_usages: { project_id: string, resource: string, used: number }
  hosts: HostsTable
  aggregates: { id: number, uuid: string, name: string, metadata: string, created_at: number, updated_at: number | null }
  aggregate_hosts: { aggregate_id: number, host: string }
  server_groups: { id: string, name: string, project_id: string, user_id: string, policy: string, rules: string, generation: number }
}

export interface ServersTable {
  id: string
  project_id: string
  user_id: string
  name: string
  description: string | null
  hostname: string
  vm_state: string
  task_state: string | null
  power_state: number
  host: string | null
  zone: string | null
  flavor_id: string
  flavor: string
  image_id: string | null
  image: string
  key_name: string | null
  public_key: string | null
  user_data: string | null
  metadata: string
  tags: string
  security_groups: string
  config_drive: number
  disk_config: string
  access_ip_v4: string | null
  access_ip_v6: string | null
  reservation_id: string
  launch_index: number
  root_device: string
  locked_by: string | null
  locked_reason: string | null
  group_id: string | null
  hints: string
  idempotency_key: string | null
  generation: number
  created_at: number
  updated_at: number
  launched_at: number | null
  terminated_at: number | null
  deleted_at: number | null
}

export interface ServerVolumesTable {
  id: string
  server_id: string
  /** Empty until the volume is made. */
  volume_id: string
  attachment_id: string | null
  /** Where the volume comes from, for those that are made with the server: JSON. */
  source: string
  boot_index: number | null
  device: string
  size: number
  tag: string | null
  delete_on_termination: number
  multiattach: number
  read_only: number
  connection: string | null
  created_at: number
  /** The controller that makes it as the user; '' when nobody has to. */
  made_by: string
  /** Signs of life that the maker has given while it makes the volume. */
  beats: number
}

/** What an agent is to make true; see contracts/compute-agent.ts. */
export interface ServerWantsTable {
  server_id: string
  host: string
  generation: number
  epoch: number
  /** Of counter `wants`, when it last changed. */
  version: number
  tombstone: number
  wanted: string
  reported_generation: number
  observed: string | null
  progress: string | null
  /** The life of the agent that reported last, and the number of that report; '' and 0 when it gave none. */
  reported_by: string
  reported_sequence: number
}

export interface CopiesTable { id: string, server_id: string, server_volume_id: string, volume_id: string, target: string, generation: number }

export interface HostsTable {
  name: string
  /** The resource provider's and the hypervisor's id. */
  id: string
  service_id: string
  number: number
  incarnation: string
  resources: string
  disabled: number
  disabled_reason: string | null
  forced_down: number
  seen_at: number
  created_at: number
  updated_at: number
}

export type Tx = KitTx<Tables>

export const migrations: readonly Migration[] = [
  ...taskMigrations,
  {
    id: '0001-compute',
    up: [
      'create table counters (name text primary key, value bigint not null)',
      `create table servers (id text primary key, project_id text not null, user_id text not null, name text not null, description text, hostname text not null,
        vm_state text not null, task_state text, power_state integer not null, host text, zone text, flavor_id text not null, flavor text not null, image_id text, image text not null,
        key_name text, public_key text, user_data text, metadata text not null, tags text not null, security_groups text not null, config_drive integer not null, disk_config text not null,
        access_ip_v4 text, access_ip_v6 text, reservation_id text not null, launch_index integer not null, root_device text not null, locked_by text, locked_reason text,
        group_id text, hints text not null, idempotency_key text, generation integer not null,
        created_at bigint not null, updated_at bigint not null, launched_at bigint, terminated_at bigint, deleted_at bigint)`,
      'create index servers_project on servers (project_id, deleted_at, created_at)',
      'create index servers_created on servers (created_at, id)',
      'create index servers_host on servers (host) where deleted_at is null',
      'create index servers_group on servers (group_id) where group_id is not null',
      'create unique index servers_idempotency on servers (idempotency_key) where idempotency_key is not null',
      `create table server_ports (server_id text not null references servers(id), port_id text not null, network_id text not null, network_name text not null, mac text not null,
        fixed_ips text not null, floating_ips text not null, active integer not null, made_here integer not null, tag text, mtu integer, created_at bigint not null, primary key (server_id, port_id))`,
      'create index server_ports_port on server_ports (port_id)',
      `create table server_volumes (id text primary key, server_id text not null references servers(id), volume_id text not null, attachment_id text, source text not null, boot_index integer,
        device text not null, size integer not null, tag text, delete_on_termination integer not null, multiattach integer not null, read_only integer not null, connection text, created_at bigint not null)`,
      'create unique index server_volumes_one on server_volumes (server_id, device)',
      "create unique index server_volumes_volume on server_volumes (volume_id) where multiattach = 0 and volume_id <> ''",
      `create table server_wants (server_id text primary key references servers(id), host text not null, generation integer not null, epoch bigint not null, version bigint not null, tombstone integer not null,
        wanted text not null, reported_generation integer not null, observed text, progress text)`,
      'create index server_wants_host on server_wants (host, version)',
      'create table server_faults (server_id text primary key references servers(id), code integer not null, message text not null, details text not null, created_at bigint not null)',
      `create table server_actions (id text primary key, server_id text not null references servers(id), action text not null, request_id text not null, user_id text not null, project_id text not null,
        started_at bigint not null, updated_at bigint, message text, shared integer not null)`,
      'create index server_actions_server on server_actions (server_id, started_at)',
      'create table server_action_events (action_id text not null references server_actions(id), event text not null, started_at bigint not null, finished_at bigint, result text, traceback text, host text, primary key (action_id, event))',
      `create table flavors (id text primary key, name text not null unique, ram integer not null, vcpus integer not null, disk integer not null, ephemeral integer not null, swap integer not null,
        rxtx_factor real not null, is_public integer not null, disabled integer not null, description text, extra_specs text not null, created_at bigint not null)`,
      'create table flavor_access (flavor_id text not null references flavors(id) on delete cascade, project_id text not null, primary key (flavor_id, project_id))',
      'create table keypairs (id bigint not null, user_id text not null, name text not null, type text not null, public_key text not null, fingerprint text not null, created_at bigint not null, primary key (user_id, name))',
      'create table quotas (project_id text not null, resource text not null, amount integer not null, primary key (project_id, resource))',
      'create table quota_usages (project_id text not null, resource text not null, used integer not null check (used >= 0), primary key (project_id, resource))',
      `create table hosts (name text primary key, id text not null unique, service_id text not null unique, number integer not null, incarnation text not null, resources text not null,
        disabled integer not null, disabled_reason text, forced_down integer not null, seen_at bigint not null, created_at bigint not null, updated_at bigint not null)`,
      'create table aggregates (id integer primary key, uuid text not null unique, name text not null unique, metadata text not null, created_at bigint not null, updated_at bigint)',
      'create table aggregate_hosts (aggregate_id integer not null references aggregates(id), host text not null, primary key (aggregate_id, host))',
      'create table server_groups (id text primary key, name text not null, project_id text not null, user_id text not null, policy text not null, rules text not null, generation integer not null)',
      'create index server_groups_project on server_groups (project_id)',
    ],
  },
  {
    id: '0002-volume-makers',
    up: ["alter table server_volumes add column made_by text not null default ''"],
  },
  {
    id: '0003-consoles',
    up: [
      `create table console_tokens (hash text primary key, server_id text not null references servers(id), host text not null, kind text not null, created_at bigint not null, expires_at bigint not null)`,
      'create index console_tokens_server on console_tokens (server_id)',
      'create index console_tokens_expiry on console_tokens (expires_at)',
    ],
  },
  {
    id: '0004-signs-of-makers',
    up: [
      'alter table server_volumes add column beats bigint not null default 0',
      "update server_volumes set made_by = '' where volume_id <> ''",
      "create index server_volumes_unmade on server_volumes (made_by) where made_by <> ''",
    ],
  },
  {
    id: '0005-report-sequences',
    up: ["alter table server_wants add column reported_by text not null default ''", 'alter table server_wants add column reported_sequence bigint not null default 0'],
  },
  {
    id: '0006-copies',
    up: [
      `create table server_copies (id text primary key, server_id text not null references server_wants(server_id) on delete cascade, server_volume_id text not null, volume_id text not null,
        target text not null, generation bigint not null)`,
      'create index server_copies_server on server_copies (server_id)',
    ],
  },
]

// Cinder's tables: JSON in text, booleans 0 and 1, times in milliseconds, sizes in GiB.
import type { Migration, Tx as KitTx } from '@alto/kit/db'
import { taskMigrations, type TaskTables } from '@alto/kit/task'

export interface VolumesTable {
  id: string, project_id: string, user_id: string, name: string | null, description: string | null, size: number, status: string, previous_status: string | null, reason: string | null
  type_id: string, zone: string, host: string | null, source: string, snapshot_id: string | null, source_volume_id: string | null, bootable: number, multiattach: number, read_only: number
  metadata: string, image_metadata: string, idempotency_key: string | null, created_at: number, updated_at: number | null, launched_at: number | null
}

export interface SnapshotsTable {
  id: string, volume_id: string, project_id: string, user_id: string, name: string | null, description: string | null, size: number, status: string, reason: string | null
  metadata: string, idempotency_key: string | null, created_at: number, updated_at: number | null
}

export interface AttachmentsTable {
  id: string, volume_id: string, project_id: string, instance_id: string | null, status: string, mode: string, mountpoint: string | null, host: string | null, connection: string | null
  idempotency_key: string | null, created_at: number, attached_at: number | null
}

export interface DisksTable {
  id: string, host: string, generation: number, epoch: number, version: number, tombstone: number, wanted: string, observed: string | null, observed_generation: number, progress: string | null
  /** The life of the agent that reported last, and the number of that report; '' and 0 when it gave none. */
  reported_by: string, reported_sequence: number
}

export interface TypesTable { id: string, name: string, description: string | null, is_public: number, extra_specs: string, created_at: number }

export interface HostsTable {
  name: string, incarnation: string, capacity: string, enabled: number, disabled_reason: string | null, seen_at: number, service_id: string
}

/** The rows, as Kysely sees them. */
export interface Tables extends TaskTables {
  volumes: VolumesTable
  snapshots: SnapshotsTable
  attachments: AttachmentsTable
  disks: DisksTable
  volume_types: TypesTable
  type_access: { type_id: string, project_id: string }
  quotas: { project_id: string, resource: string, hard_limit: number }
  quota_use: { project_id: string, resource: string, used: number }
  hosts: HostsTable
  counters: { name: string, value: number }
  exports: { attachment_id: string, host: string, port: number }
  copy_exports: { disk_id: string, host: string, port: number }
}

export type Tx = KitTx<Tables>

export const migrations: readonly Migration[] = [
  ...taskMigrations,
  {
    id: '0001-cinder',
    up: [
      'create table volume_types (id text primary key, name text not null, description text, is_public integer not null, extra_specs text not null, created_at bigint not null)',
      'create unique index volume_types_name on volume_types (name)',
      'create table type_access (type_id text not null references volume_types(id) on delete cascade, project_id text not null, primary key (type_id, project_id))',
      `create table volumes (id text primary key, project_id text not null, user_id text not null, name text, description text, size bigint not null, status text not null, previous_status text, reason text,
        type_id text not null references volume_types(id) on delete restrict, zone text not null, host text, source text not null, snapshot_id text, source_volume_id text, bootable integer not null, multiattach integer not null,
        read_only integer not null, metadata text not null, image_metadata text not null, idempotency_key text unique, created_at bigint not null,
        updated_at bigint, launched_at bigint)`,
      'create index volumes_project on volumes (project_id, created_at, id)',
      'create index volumes_created on volumes (created_at, id)',
      "create index volumes_being_copied on volumes (source_volume_id, snapshot_id) where status = 'creating'",
      'create index volumes_type on volumes (type_id)',
      `create table snapshots (id text primary key, volume_id text not null references volumes(id) on delete restrict, project_id text not null, user_id text not null, name text, description text,
        size bigint not null, status text not null, reason text, metadata text not null, idempotency_key text unique, created_at bigint not null, updated_at bigint)`,
      'create index snapshots_project on snapshots (project_id, created_at, id)',
      'create index snapshots_created on snapshots (created_at, id)',
      'create index snapshots_volume on snapshots (volume_id)',
      `create table attachments (id text primary key, volume_id text not null references volumes(id) on delete restrict, project_id text not null, instance_id text, status text not null, mode text not null,
        mountpoint text, host text, connection text, idempotency_key text unique, created_at bigint not null, attached_at bigint)`,
      'create unique index attachments_once on attachments (volume_id, instance_id)',
      'create index attachments_instance on attachments (instance_id)',
      'create index attachments_project on attachments (project_id, created_at, id)',
      `create table disks (id text primary key, host text not null, generation bigint not null, epoch bigint not null, version bigint not null, tombstone integer not null, wanted text not null,
        observed text, observed_generation bigint not null, progress text)`,
      'create index disks_host on disks (host, version)',
      'create table quotas (project_id text not null, resource text not null, hard_limit bigint not null, primary key (project_id, resource))',
      'create table quota_use (project_id text not null, resource text not null, used bigint not null check (used >= 0), primary key (project_id, resource))',
      `create table hosts (name text primary key, incarnation text not null, capacity text not null, enabled integer not null, disabled_reason text, seen_at bigint not null, service_id text not null)`,
      'create table counters (name text primary key, value bigint not null)',
    ],
  },
  {
    id: '0002-exports',
    up: [
      'create table exports (attachment_id text primary key references attachments(id) on delete cascade, host text not null, port bigint not null)',
      'create unique index exports_port on exports (host, port)',
    ],
  },
  {
    id: '0003-report-sequences',
    up: ["alter table disks add column reported_by text not null default ''", 'alter table disks add column reported_sequence bigint not null default 0'],
  },
  {
    id: '0004-copy-exports',
    up: [
      'create table copy_exports (disk_id text primary key references disks(id) on delete cascade, host text not null, port bigint not null)',
      'create unique index copy_exports_port on copy_exports (host, port)',
    ],
  },
]

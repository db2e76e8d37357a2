// Glance's tables: booleans 0 and 1, times in milliseconds, sizes in bytes. Deleted images keep their row.
import type { Migration, Tx as KitTx } from '@alto/kit/db'
import { taskMigrations, type TaskTables } from '@alto/kit/task'
import { metadefMigrations, type MetadefTables } from './tables/metadefs.ts'

/** The rows, as Kysely sees them. */
export interface Tables extends TaskTables, MetadefTables {
  images: {
    id: string, owner: string | null, name: string | null, status: string, visibility: string, disk_format: string | null, container_format: string | null,
    size: number | null, virtual_size: number | null, checksum: string | null, os_hash_algo: string | null, os_hash_value: string | null, min_ram: number, min_disk: number,
    protected: number, os_hidden: number, created_at: number, updated_at: number, deleted_at: number | null, generation: number, idempotency_key: string | null
  }
  image_properties: { image_id: string, name: string, value: string }
  image_tags: { image_id: string, tag: string }
  image_members: { image_id: string, member: string, status: string, created_at: number, updated_at: number }
  blobs: { id: string, image_id: string, store: string, state: string, size: number | null, writer: string, created_at: number, beats: number, content: string | null, import_key: string | null, location: string | null, metadata: string }
  blob_reads: { id: string, blob_id: string, reader: string, beats: number }
  storage_usage: { project_id: string, bytes: number }
  image_tasks: {
    id: string, type: string, status: string, owner: string | null, image_id: string | null, user_id: string | null, request_id: string | null,
    input: string, result: string, message: string, created_at: number, updated_at: number, expires_at: number | null
  }
}

export type Tx = KitTx<Tables>

export const migrations: readonly Migration[] = [
  {
    id: '0001-images',
    up: [
      `create table images (id text primary key, owner text, name text, status text not null, visibility text not null, disk_format text, container_format text,
        size bigint, virtual_size bigint, checksum text, os_hash_algo text, os_hash_value text, min_ram integer not null, min_disk integer not null,
        protected integer not null, os_hidden integer not null, created_at bigint not null, updated_at bigint not null, deleted_at bigint, generation integer not null, idempotency_key text unique)`,
      'create index images_newest on images (created_at, id) where deleted_at is null',
      'create index images_owner on images (owner) where deleted_at is null',
      'create index images_name on images (name) where deleted_at is null',
      'create table image_properties (image_id text not null references images(id) on delete cascade, name text not null, value text not null, primary key (image_id, name))',
      'create index image_properties_name on image_properties (name)',
      'create table image_tags (image_id text not null references images(id) on delete cascade, tag text not null, primary key (image_id, tag))',
      'create index image_tags_tag on image_tags (tag)',
      `create table image_members (image_id text not null references images(id) on delete cascade, member text not null, status text not null, created_at bigint not null, updated_at bigint not null,
        primary key (image_id, member))`,
      'create index image_members_member on image_members (member, status)',
      `create table blobs (id text primary key, image_id text not null references images(id) on delete restrict, store text not null, state text not null, size bigint, writer text not null, created_at bigint not null)`,
      "create unique index blobs_one_of_an_image on blobs (image_id) where state <> 'doomed'",
      'create table storage_usage (project_id text primary key, bytes bigint not null)',
    ],
  },
  {
    id: '0002-signs-of-life',
    up: ['alter table blobs add column beats bigint not null default 0', 'create index blobs_state on blobs (state)'],
  },
  {
    id: '0003-several-stores',
    up: ['drop index blobs_one_of_an_image', "create unique index blobs_one_in_a_store on blobs (image_id, store) where state <> 'doomed'"],
  },
  {
    id: '0200-locations',
    up: [
      'alter table blobs add column location text',
      "alter table blobs add column metadata text not null default '{}'",
      'drop index blobs_one_in_a_store',
      "create unique index blobs_one_in_a_store on blobs (image_id, store) where state <> 'doomed' and location is null",
      "create unique index blobs_one_at_a_location on blobs (image_id, location, metadata) where state <> 'doomed' and location is not null",
      'create table blob_reads (id text primary key, blob_id text not null references blobs(id) on delete restrict, reader text not null, beats bigint not null)',
      'create index blob_reads_blob on blob_reads (blob_id)',
    ],
  },
  ...taskMigrations,
  ...metadefMigrations,
  {
    id: '0300-imports',
    up: [
      `create table image_tasks (id text primary key, type text not null, status text not null, owner text, image_id text, user_id text, request_id text,
        input text not null, result text not null, message text not null, created_at bigint not null, updated_at bigint not null, expires_at bigint)`,
      'create index image_tasks_image on image_tasks (image_id)',
      'create index image_tasks_newest on image_tasks (created_at, id)',
      'create index image_tasks_expiry on image_tasks (expires_at) where expires_at is not null',
      'alter table blobs add column content text',
      'alter table blobs add column import_key text',
      'drop index blobs_one_in_a_store',
      "create unique index blobs_one_in_a_store on blobs (image_id, store) where state in ('writing', 'kept') and location is null",
      'create index blobs_import_key on blobs (import_key) where import_key is not null',
    ],
  },
  {
    id: '0400-lists',
    up: ['create index images_changed on images (updated_at, id) where deleted_at is null'],
  },
  {
    id: '0500-blobs-of-an-image',                           // the unique indexes are of some states only: whoever asks where an image's bytes are would read those of all
    up: ['create index blobs_image on blobs (image_id)'],
  },
]

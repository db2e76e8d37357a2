// The tables of credentials, and of what may be used only once.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface CredentialTables {
  credentials: { id: string, user_id: string, project_id: string | null, type: string, sealed_blob: string, key_hash: string, extra: string }
  /** Passcodes that were taken: by their credential and time step. */
  used_passcodes: { credential_id: string, step: number }
  /** Tries at a user's passcodes since one was right, in windows of time. */
  passcode_tries: { user_id: string, window_start: number, tries: number }
  /** Receipts that gave a token: by their hash. */
  used_receipts: { receipt_hash: string, expires_at: number }
}

export const credentialMigrations: readonly Migration[] = [
  {
    id: '0020-credentials',
    up: [
      `create table credentials (id text primary key, user_id text not null references users(id) on delete cascade, project_id text references projects(id) on delete cascade, type text not null,
        sealed_blob text not null, key_hash text not null, extra text not null)`,
      'create index credentials_user on credentials (user_id, type)',
      'create index credentials_project on credentials (project_id)',
      'create index credentials_key on credentials (key_hash)',
      'create table used_passcodes (credential_id text not null references credentials(id) on delete cascade, step bigint not null, primary key (credential_id, step))',
      'create table passcode_tries (user_id text primary key, window_start bigint not null, tries integer not null)',
      'create table used_receipts (receipt_hash text primary key, expires_at bigint not null)',
      'create index used_receipts_expiry on used_receipts (expires_at)',
    ],
  },
]

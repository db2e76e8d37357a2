// What was added to the table of revoked tokens, which is among those of identity.
import type { Migration } from '@alto/kit/db'

export const revocationMigrations: readonly Migration[] = [
  { id: '0044-revoked-at', up: ['alter table revoked_tokens add column revoked_at bigint not null default 0'] },
]

// The table of passwords: each user's present one, which is the one with the highest number, and those before it that may not come again.
import type { Migration } from '@alto/kit/db'

/** The rows, as Kysely sees them. */
export interface PasswordTables {
  passwords: { user_id: string, number: number, hash: string | null, created_at: number, expires_at: number | null, self_service: number }
}

export const passwordMigrations: readonly Migration[] = [
  {
    id: '0030-passwords',
    up: [
      `create table passwords (user_id text not null references users(id) on delete cascade, number integer not null, hash text, created_at bigint not null, expires_at bigint,
        self_service integer not null, primary key (user_id, number))`,
      'create index passwords_expiry on passwords (expires_at)',
      'insert into passwords (user_id, number, hash, created_at, expires_at, self_service) select id, 1, password_hash, created_at, null, 0 from users where password_hash is not null',
      'alter table users add column password_number integer not null default 0',
      'update users set password_number = 1 where password_hash is not null',
      'alter table users drop column password_hash',
      'alter table users add column failures integer not null default 0',
      'alter table users add column failed_at bigint',
      'alter table users add column active_at bigint not null default 0',
      'update users set active_at = created_at',
    ],
  },
]

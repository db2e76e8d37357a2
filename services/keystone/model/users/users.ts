// Users and groups of users.

/** A user. Its password's hash stays in the store. */
export interface User {
  id: string
  name: string
  domainId: string
  enabled: boolean
  defaultProjectId: string | null
  options: Readonly<Record<string, unknown>>
  extra: Readonly<Record<string, unknown>>
  /** Tokens issued before this time (ms) are void: the password changed, or an operator revoked them. */
  tokensFrom: number
  /** When its password ends, or ended (ms); null: never, or it has none. */
  passwordExpiresAt: number | null
  /** When it last showed that it is there (ms): made, enabled or, where that matters, logged in. */
  activeAt: number
}

/** A group of users. */
export interface Group {
  id: string
  name: string
  domainId: string
  description: string
  extra: Readonly<Record<string, unknown>>
}

/** The options that a user can have: all are on or off, but for the rules of multi-factor authentication. */
export const USER_FLAGS = [
  'ignore_change_password_upon_first_use', 'ignore_password_expiry', 'ignore_lockout_failure_attempts', 'lock_password', 'ignore_user_inactivity', 'multi_factor_auth_enabled',
] as const

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
}

/** A group of users. */
export interface Group {
  id: string
  name: string
  domainId: string
  description: string
  extra: Readonly<Record<string, unknown>>
}

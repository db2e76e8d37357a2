// What a token carries, packed small: who, by which methods, in which scope, until when, and its audit chain.
import type { ScopeTarget } from '../roles/roles.ts'

/** On whose behalf a token acts: by a trust or an application credential, which bounds what it is worth. */
export interface Delegation {
  kind: 'trust' | 'application_credential'
  id: string
}

/** The content of a token. Roles are not in it: they are looked up at every validation, so that a change ends them at once. */
export interface TokenPayload {
  userId: string
  methods: readonly string[]
  scope: ScopeTarget | null
  /** Milliseconds. */
  issuedAt: number
  expiresAt: number
  /** The token's own audit id, then that of the first token in its chain of rescoping, when there is one. */
  auditIds: readonly string[]
  delegation: Delegation | null
}

const METHODS = ['password', 'token', 'totp', 'application_credential', 'trust', 'external', 'mapped', 'ec2credential'] as const
const KINDS = ['project', 'domain', 'system'] as const
const DELEGATIONS = ['trust', 'application_credential'] as const

/** The payload as a short list of numbers and strings, for the serialiser. */
export function pack(token: TokenPayload): unknown[] {
  const methods = METHODS.reduce((bits, name, i) => token.methods.includes(name) ? bits | 1 << i : bits, 0)
  const scope = token.scope ? [KINDS.indexOf(token.scope.kind), token.scope.id] : token.delegation ? [null, null] : []
  const delegation = token.delegation ? [DELEGATIONS.indexOf(token.delegation.kind), token.delegation.id] : []
  return [1, token.userId, methods, token.issuedAt, token.expiresAt, token.auditIds, ...scope, ...delegation]
}

/** The payload of a packed list, or undefined when it is none. */
export function unpack(packed: unknown): TokenPayload | undefined {
  if (!Array.isArray(packed) || packed[0] !== 1) return undefined
  const [, userId, methods, issuedAt, expiresAt, auditIds, kind, id, delegation, delegationId] = packed as [1, ...unknown[]]
  if (typeof userId !== 'string' || typeof methods !== 'number' || typeof issuedAt !== 'number' || typeof expiresAt !== 'number' || !Array.isArray(auditIds)) return undefined
  const name = typeof kind === 'number' ? KINDS[kind] : undefined
  const by = typeof delegation === 'number' ? DELEGATIONS[delegation] : undefined
  return {
    userId, issuedAt, expiresAt, auditIds: auditIds as string[],
    methods: METHODS.filter((_, i) => methods & 1 << i),
    delegation: by === undefined || typeof delegationId !== 'string' ? null : { kind: by, id: delegationId },
    scope: name === undefined || typeof id !== 'string' ? null : { kind: name, id } as ScopeTarget,
  }
}

/** The claims of a signed token, by upstream's names. Times are seconds, issue to the millisecond: a password's change voids what was issued before it in the same second. */
export interface TokenClaims {
  sub: string
  iat: number
  exp: number
  openstack_methods: readonly string[]
  openstack_audit_ids: readonly string[]
  openstack_system?: 'all'
  openstack_domain_id?: string
  openstack_project_id?: string
  openstack_trust_id?: string
  openstack_app_cred_id?: string
}

/** The payload as claims. */
export function claimsOf({ userId, issuedAt, expiresAt, methods, auditIds, scope, delegation }: TokenPayload): TokenClaims {
  return {
    sub: userId, iat: issuedAt / 1000, exp: expiresAt / 1000, openstack_methods: methods, openstack_audit_ids: auditIds,
    ...(scope?.kind === 'system' && { openstack_system: 'all' as const }), ...(scope?.kind === 'domain' && { openstack_domain_id: scope.id }), ...(scope?.kind === 'project' && { openstack_project_id: scope.id }),
    ...(delegation?.kind === 'trust' && { openstack_trust_id: delegation.id }), ...(delegation?.kind === 'application_credential' && { openstack_app_cred_id: delegation.id }),
  }
}

/** The payload of claims that were found signed by us. */
export function payloadOf(claims: TokenClaims): TokenPayload {
  const { openstack_system: system, openstack_domain_id: domain, openstack_project_id: project, openstack_trust_id: trust, openstack_app_cred_id: application } = claims
  return {
    userId: claims.sub, issuedAt: Math.round(claims.iat * 1000), expiresAt: Math.round(claims.exp * 1000), methods: claims.openstack_methods, auditIds: claims.openstack_audit_ids,
    scope: system !== undefined ? { kind: 'system', id: 'all' } : domain !== undefined ? { kind: 'domain', id: domain } : project !== undefined ? { kind: 'project', id: project } : null,
    delegation: trust !== undefined ? { kind: 'trust', id: trust } : application !== undefined ? { kind: 'application_credential', id: application } : null,
  }
}

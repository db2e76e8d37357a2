// What a token is worth now: its user, its scope and the roles that hold there, looked up when the token is shown.
import { isoMicros } from '@alto/kit/clock'
import type { TokenBody } from '@alto/kit/openstack'
import { shownTime } from '../../model/users/passwords.ts'
import type { Project } from '../../model/projects/projects.ts'
import type { TokenPayload } from '../../model/tokens/tokens.ts'
import type { User } from '../../model/users/users.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import { delegatedWorth } from '../delegation/worth.ts'
import { effectiveRoles } from '../roles/scopes.ts'

/** The token's body as it is worth now, or undefined when user or scope are disabled or gone, or the user has no role there. */
export async function worthOf(tx: Tx, payload: TokenPayload, user: User): Promise<TokenBody | undefined> {
  const home = await projects.find(tx, user.domainId)
  if (!user.enabled || !home?.enabled) return undefined
  const common = {
    methods: payload.methods, audit_ids: payload.auditIds, issued_at: isoMicros(payload.issuedAt), expires_at: isoMicros(payload.expiresAt),
    user: named(user, home),
  }
  const { scope, delegation } = payload
  if (!scope) return delegation ? undefined : common
  const project = scope.kind === 'system' ? undefined : await projects.find(tx, scope.id)
  if (scope.kind !== 'system' && !project?.enabled) return undefined
  const by = delegation && scope.kind === 'project' ? await delegatedWorth(tx, { issuedAt: payload.issuedAt, delegation }, user, project!) : undefined
  if (delegation && !by) return undefined
  const roles = by?.roles ?? await effectiveRoles(tx, user.id, scope, project)
  if (roles.length === 0) return undefined
  const shown = { ...common, ...by?.shown, ...(by && by.bearer !== user && { user: named(by.bearer, (await projects.find(tx, by.bearer.domainId))!) }), roles: roles.map(role => ({ id: role.id, name: role.name })) }
  if (scope.kind === 'system') return { ...shown, system: { all: true } }
  if (scope.kind === 'domain') return { ...shown, domain: { id: project!.id, name: project!.name } }
  const domain = project!.isDomain ? project! : await projects.find(tx, project!.domainId!)
  if (!domain?.enabled) return undefined
  return { ...shown, is_domain: project!.isDomain, project: { id: project!.id, name: project!.name, domain: { id: domain.id, name: domain.name } } }
}

function named(user: User, home: Project) {
  return { id: user.id, name: user.name, domain: { id: home.id, name: home.name }, password_expires_at: shownTime(user.passwordExpiresAt) }
}

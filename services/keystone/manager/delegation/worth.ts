// What a token that was had by delegation is worth now: no more than was delegated, and no more than those who delegated it have themselves.
//
// A trust holds while everybody in its chain is there and enabled, and every trustor in it still has every role of it (with what these imply):
// when one is lost the trust is worth nothing, until it is back. An application credential is worth those of its roles that its user still has.
// Both hold in their own project and nowhere else.
import type { TokenBody } from '@alto/kit/openstack'
import { isUsable, type Trust } from '../../model/delegation/trusts.ts'
import { refused, unauthorized } from '../../model/faults.ts'
import type { Project } from '../../model/projects/projects.ts'
import { withImplied, type Role } from '../../model/roles/roles.ts'
import type { Delegation, TokenPayload } from '../../model/tokens/tokens.ts'
import type { User } from '../../model/users/users.ts'
import * as credentials from '../../store/delegation/application-credentials.ts'
import * as trusts from '../../store/delegation/trusts.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import { effectiveRoles } from '../roles/scopes.ts'

/** What a delegated token is worth. */
export interface DelegatedWorth {
  roles: readonly Role[]
  /** Whom the token names as its user: the trustor, when the trust says impersonation. */
  bearer: User
  shown: Pick<TokenBody, 'OS-TRUST:trust' | 'application_credential'>
}

/** What the delegation gives `user` in `project`; undefined when it gives nothing any more. */
export async function delegatedWorth(tx: Tx, payload: Pick<TokenPayload, 'issuedAt'> & { delegation: Delegation }, user: User, project: Project): Promise<DelegatedWorth | undefined> {
  const { kind, id } = payload.delegation
  return kind === 'trust' ? trustWorth(tx, await trusts.chain(tx, id), user, project, payload.issuedAt) : credentialWorth(tx, id, user, project)
}

/** What a token may be had for by a trust. */
export interface TrustScope {
  scope: { kind: 'project', id: string }
  delegation: Delegation
  /** Milliseconds. */
  expiresAt: number | undefined
}

/**
 * Where the trust holds for `user`, one of its uses taken: for the transaction that makes the token, so that one which fails takes none.
 * Throws Fault('unauthenticated') for a trust that is gone, past its end (`now`, ms) or used up, Fault('forbidden') when it is not the user's, or gives nothing.
 */
export async function useTrust(tx: Tx, id: string, user: User, now: number): Promise<TrustScope> {
  const chain = await trusts.chain(tx, id)
  const trust = chain[0]
  if (!trust || !isUsable(trust, now)) throw unauthorized(`trust ${id} is gone, at its end or used up`)
  const project = trust.projectId === null ? undefined : await projects.find(tx, trust.projectId)
  if (!project || !await trustWorth(tx, chain, user, project, now)) throw refused('trust.worthless', 'You are not authorized to perform the requested action: the trust is not yours, or what it gave is not there to give.')
  if (trust.remainingUses !== null && !await trusts.consume(tx, id)) throw unauthorized(`trust ${id} is used up`)
  return { scope: { kind: 'project', id: project.id }, delegation: { kind: 'trust', id }, expiresAt: trust.expiresAt ?? undefined }
}

async function trustWorth(tx: Tx, chain: readonly Trust[], user: User, project: Project, issuedAt: number): Promise<DelegatedWorth | undefined> {
  const trust = chain[0]
  if (!trust || trust.trusteeUserId !== user.id || trust.projectId !== project.id) return undefined
  const people = new Map<string, User>()
  for (const id of new Set(chain.flatMap(one => [one.trustorUserId, one.trusteeUserId]))) {
    const person = await users.find(tx, id)
    if (!person?.enabled || !(await projects.find(tx, person.domainId))?.enabled) return undefined
    people.set(id, person)
  }
  const wanted = withImplied(trust.roleIds, await roles.inferences(tx))
  let given: Role[] = []
  for (const id of new Set(chain.map(one => one.trustorUserId))) {
    if (people.get(id)!.tokensFrom > issuedAt) return undefined
    given = (await effectiveRoles(tx, id, { kind: 'project', id: project.id }, project)).filter(role => wanted.has(role.id))
    if (given.length < wanted.size) return undefined
  }
  return {
    roles: given, bearer: trust.impersonation ? people.get(trust.trustorUserId)! : user,
    shown: { 'OS-TRUST:trust': { id: trust.id, trustor_user: { id: trust.trustorUserId }, trustee_user: { id: trust.trusteeUserId }, impersonation: trust.impersonation } },
  }
}

async function credentialWorth(tx: Tx, id: string, user: User, project: Project): Promise<DelegatedWorth | undefined> {
  const credential = await credentials.find(tx, id)
  if (!credential || credential.userId !== user.id || credential.projectId !== project.id) return undefined
  const held = await effectiveRoles(tx, user.id, { kind: 'project', id: project.id }, project)
  return {
    roles: held.filter(role => credential.roleIds.includes(role.id)), bearer: user,
    shown: { application_credential: {
      id, name: credential.name, restricted: !credential.unrestricted,
      ...(credential.accessRules.length > 0 && { access_rules: credential.accessRules.map(rule => ({ id: rule.id, service: rule.service, path: rule.path, method: rule.method })) }),
    } },
  }
}

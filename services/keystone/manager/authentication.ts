// From what a caller says of itself to a token: the methods prove who it is, then where the token shall hold is looked up.
import { unauthorized } from '../model/faults.ts'
import type { ScopeTarget } from '../model/roles.ts'
import type { User } from '../model/users.ts'
import * as projects from '../store/projects.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users.ts'
import type { Deps } from './deps.ts'
import { findDomain, findProject } from './lookups.ts'
import type { Identity, Method, Named, Proof } from './methods/method.ts'
import { passwordMethod } from './methods/password.ts'
import { tokenMethod } from './methods/token.ts'
import { effectiveRoles } from './scopes.ts'
import type { Issued, TokenManager } from './tokens.ts'

/** Where the caller wants the token to hold; undefined: wherever the user's default project is; 'unscoped': nowhere. */
export type ScopeRequest = { project: Named } | { domain: Named } | { system: true } | 'unscoped' | undefined

/** How the caller proves who it is, and where the token shall hold. */
export interface AuthRequest {
  identity: Identity
  scope: ScopeRequest
}

export type AuthenticationManager = ReturnType<typeof authenticationManager>

/** Gives tokens to those who prove who they are. */
export function authenticationManager(deps: Deps, tokens: TokenManager) {
  const methods: Readonly<Record<string, Method>> = {
    password: passwordMethod(deps),
    token: tokenMethod(tokens),
  }

  /** Throws Fault('unauthenticated') for whatever does not prove who the caller is, or a scope it has no role in. */
  async function authenticate({ identity, scope }: AuthRequest): Promise<Issued> {
    const proof = await prove(identity)
    return tokens.issue(async tx => {
      const user = await usable(tx, proof.userId)
      return { ...proof, user, scope: proof.scope ?? await scopeTarget(tx, user, scope) }
    })
  }

  /** All the methods' proofs in one; they must be of one user. */
  async function prove(identity: Identity): Promise<Proof> {
    if (identity.methods.length === 0) throw unauthorized('no method was named')
    let all: Proof | undefined
    for (const name of new Set(identity.methods)) {
      const method = Object.hasOwn(methods, name) ? methods[name] : undefined
      if (!method) throw unauthorized(`there is no method ${name}`)
      const proof = await method(identity)
      if (all && all.userId !== proof.userId) throw unauthorized('two methods name two users')
      all = { ...all, ...proof, methods: [...new Set([...all?.methods ?? [], ...proof.methods])] }
    }
    return all!
  }

  return { authenticate }
}

async function usable(tx: Tx, userId: string): Promise<User> {
  const user = await users.find(tx, userId)
  if (!user?.enabled || !(await projects.find(tx, user.domainId))?.enabled) throw unauthorized(`user ${userId} or its domain is disabled or gone`)
  return user
}

async function scopeTarget(tx: Tx, user: User, scope: ScopeRequest): Promise<ScopeTarget | null> {
  if (scope === 'unscoped') return null
  if (scope === undefined) {
    const project = user.defaultProjectId === null ? undefined : await projects.find(tx, user.defaultProjectId)
    if (!project?.enabled) return null
    const target = { kind: 'project' as const, id: project.id }
    return (await effectiveRoles(tx, user.id, target, project)).length ? target : null
  }
  if ('system' in scope) return { kind: 'system', id: 'all' }
  if ('domain' in scope) {
    const domain = await findDomain(tx, scope.domain)
    if (!domain) throw unauthorized('the domain of the scope does not exist')
    return { kind: 'domain', id: domain.id }
  }
  const project = await findProject(tx, scope.project)
  if (!project) throw unauthorized('the project of the scope does not exist')
  return { kind: 'project', id: project.id }
}

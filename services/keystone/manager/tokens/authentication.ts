// From what a caller says of itself to a token: the methods prove who it is, then where the token shall hold is looked up.
import { Fault } from '@alto/kit/errors'
import { stillRequired } from '../../model/tokens/multi-factor.ts'
import { unauthorized } from '../../model/faults.ts'
import { reservedIn } from '../../model/projects/projects.ts'
import type { ScopeTarget } from '../../model/roles/roles.ts'
import type { User } from '../../model/users/users.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import { useTrust } from '../delegation/worth.ts'
import type { Passcodes } from '../credentials/passcodes.ts'
import { receiptManager, type Receipt, type ShownReceipt } from './receipts.ts'
import type { Deps } from '../deps.ts'
import { findDomain, findProject, usableUser } from '../lookups.ts'
import { applicationCredentialMethod } from '../methods/application-credential.ts'
import type { Identity, Method, Named, Proof } from '../methods/method.ts'
import { passwordMethod } from '../methods/password.ts'
import { tokenMethod } from '../methods/token.ts'
import { totpMethod } from '../methods/totp.ts'
import { effectiveRoles } from '../roles/scopes.ts'
import type { Issued, TokenManager } from './tokens.ts'

/** Where the caller wants the token to hold; undefined: wherever the user's default project is; 'unscoped': nowhere. */
export type ScopeRequest = { project: Named } | { domain: Named } | { system: true } | { trust: { id: string } } | 'unscoped' | undefined

/** How the caller proves who it is, and where the token shall hold. */
export interface AuthRequest {
  identity: Identity
  scope: ScopeRequest
  /** What an earlier proof gave that did not suffice. */
  receipt?: string | undefined
}

/** What was proven is right, and not enough: it ends the transaction that would make the token. */
class MoreRequired extends Error {
  readonly user: User
  readonly required: string[][]

  constructor(user: User, required: string[][]) {
    super('more proofs are required')
    this.user = user
    this.required = required
  }
}

export type AuthenticationManager = ReturnType<typeof authenticationManager>

/** Gives tokens to those who prove who they are. Throws an Error that names the option when it names a method that there is none of. */
export function authenticationManager(deps: Deps, tokens: TokenManager, passcodes: Passcodes) {
  const { db, options } = deps
  const receipts = receiptManager(deps)
  const known: Readonly<Record<string, Method>> = {
    password: passwordMethod(deps),
    token: tokenMethod(tokens),
    application_credential: applicationCredentialMethod(deps),
    totp: totpMethod(deps, passcodes),
  }
  const available = options.authMethods
  const unknown = available.filter(name => !Object.hasOwn(known, name))
  if (unknown.length > 0) throw new Error(`auth_methods names ${unknown.join(', ')}: there are ${Object.keys(known).join(', ')}`)

  /** The token; a receipt when the user's rules ask for more than was proven. Throws Fault('unauthenticated') for whatever does not prove who the caller is, or a scope it has no role in. */
  async function authenticate({ identity, scope, receipt }: AuthRequest): Promise<Issued | Receipt> {
    if (identity.methods.includes('application_credential') && scope !== undefined) {
      throw new Fault('unauthenticated', 'keystone.applicationCredential.scope', 'Error authenticating with application credential: Application credentials cannot request a scope.')
    }
    refuseReserved(scope, options)
    const before = receipt === undefined ? undefined : await receipts.read(receipt)
    const now = await prove(identity, before?.userId)
    if (before && before.userId !== now.userId) throw unauthorized('the receipt that was shown is not the user\'s')
    const proof = { ...now, methods: [...new Set([...now.methods, ...before?.methods ?? []])] }
    if (proof.methods.includes('application_credential') && !proof.delegation) throw unauthorized('a receipt does not say which application credential was shown: it is shown last')
    try {
      const issued = await issue(proof, scope, before)
      await before?.use()
      return issued
    } catch (error) {
      if (!(error instanceof MoreRequired)) throw error
      const { user, required } = error
      const home = await db.read(tx => projects.find(tx, user.domainId))
      return receipts.issue({ user, home: home!, methods: proof.methods, required })
    }
  }

  /** All in the transaction that makes the token, the user's rules too. Throws MoreRequired. */
  function issue(proof: Proof, scope: ScopeRequest, before: ShownReceipt | undefined): Promise<Issued> {
    if (typeof scope === 'object' && 'trust' in scope) {
      return tokens.issue(async tx => {
        const user = await entitled(tx, proof, before)
        const trust = await useTrust(tx, scope.trust.id, user, deps.clock.now())
        return { ...proof, ...trust, user, expiresAt: earlier(proof.expiresAt, trust.expiresAt) }
      }, 'write')
    }
    return tokens.issue(async tx => {
      const user = await entitled(tx, proof, before)
      return { ...proof, user, scope: proof.scope ?? await scopeTarget(tx, user, scope) }
    })
  }

  /** The user, who has proven all that its rules ask for. Throws MoreRequired. */
  async function entitled(tx: Tx, proof: Proof, before: ShownReceipt | undefined): Promise<User> {
    const user = await provenUser(tx, proof)
    if (before && before.issuedAt < user.tokensFrom) throw unauthorized('what the receipt proved was changed since')
    const required = stillRequired(user, proof.methods, available)
    if (required) throw new MoreRequired(user, required)
    return user
  }

  /** The user as it is now. A password takes a while to check, longer in a crowd: whoever shows one that is changed meanwhile comes too late. */
  async function provenUser(tx: Tx, { userId, standsFrom }: Proof): Promise<User> {
    const user = await usableUser(tx, userId, deps)
    if (standsFrom !== undefined && user.tokensFrom > standsFrom) throw unauthorized(`what user ${userId} showed was changed meanwhile`)
    return user
  }

  /** All the methods' proofs in one; they must be of one user. A passcode comes last: wrong ones of those who proved nothing else are counted apart. */
  async function prove(identity: Identity, proven: string | undefined): Promise<Proof> {
    if (identity.methods.length === 0) throw unauthorized('no method was named')
    let all: Proof | undefined
    for (const name of new Set([...identity.methods.filter(one => one !== 'totp'), ...identity.methods])) {
      const method = available.includes(name) ? known[name] : undefined
      if (!method) throw new Fault('unauthenticated', 'keystone.method', 'Attempted to authenticate with an unsupported method.')
      const proof = await method(identity, all?.userId ?? proven)
      if (all && all.userId !== proof.userId) throw unauthorized('two methods name two users')
      all = { ...all, ...proof, expiresAt: earlier(all?.expiresAt, proof.expiresAt), standsFrom: earlier(all?.standsFrom, proof.standsFrom), methods: [...new Set([...all?.methods ?? [], ...proof.methods])] }
    }
    return all!
  }

  return { authenticate }
}

/** Where the cloud is strict about names, nobody scopes by one that a URL reserves. */
function refuseReserved(scope: ScopeRequest, { projectNameUrlSafe, domainNameUrlSafe }: Deps['options']): void {
  if (typeof scope !== 'object') return
  const project = 'project' in scope ? scope.project : undefined
  const domain = project?.domain ?? ('domain' in scope ? scope.domain : undefined)
  if (domainNameUrlSafe === 'strict' && reservedIn(domain?.name ?? '')) throw new Fault('unauthenticated', 'keystone.domain.name', 'Domain name cannot contain reserved characters.')
  if (projectNameUrlSafe === 'strict' && reservedIn(project?.name ?? '')) throw new Fault('unauthenticated', 'keystone.project.name', 'Project name cannot contain reserved characters.')
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? one ?? other : Math.min(one, other)
}

/** Where a token of the user would hold; null: nowhere. Throws Fault('unauthenticated') for a scope that does not exist. */
export async function scopeTarget(tx: Tx, user: User, scope: Exclude<ScopeRequest, { trust: unknown }>): Promise<ScopeTarget | null> {
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

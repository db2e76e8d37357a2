// Tokens: who may have one, what it is worth, and when it ends.
//
// A token holds who, how, where and until when; never roles. What it is worth is looked up when it is shown: user, scope and
// assignments as they are now. So a change of a role, user, project or domain ends (or changes) every token at once and exactly,
// and a revocation is one row found by key, whether there are ten or ten thousand. Verdicts are cached by the token's hash and
// dropped by every change (Deps.changed), so the look-up of a known token costs microseconds.
// Another process's change drops them too: each change moves a revision in its own transaction, and cached verdicts count only while that
// revision was read within the last second. Whoever comes first after that reads it, one row; the others wait for the same answer.
import { createHash } from 'node:crypto'
import { Packr, unpack as decode } from 'msgpackr'
import { isoMicros } from '@alto/kit/clock'
import type { Tx as KitTx } from '@alto/kit/db'
import type { TokenBody } from '@alto/kit/openstack'
import { decrypt, encrypt } from '../driver/fernet.ts'
import { unauthorized } from '../model/faults.ts'
import { DEFAULT_DOMAIN, type Project } from '../model/projects.ts'
import type { Role, ScopeTarget } from '../model/roles.ts'
import { pack, unpack, type TokenPayload } from '../model/tokens.ts'
import type { User } from '../model/users.ts'
import * as projects from '../store/projects.ts'
import * as revisions from '../store/revisions.ts'
import * as revocations from '../store/revocations.ts'
import type { Tables } from '../store/tables.ts'
import * as users from '../store/users.ts'
import type { Deps } from './deps.ts'
import { effectiveRoles } from './scopes.ts'

type Tx = KitTx<Tables>

/** A name or an id, and the domain that a name is looked up in. */
export interface Named {
  id?: string | undefined
  name?: string | undefined
  domain?: { id?: string | undefined, name?: string | undefined } | undefined
}

/** Where the caller wants the token to hold; undefined: wherever the user's default project is; 'unscoped': nowhere. */
export type ScopeRequest = { project: Named } | { domain: Named } | { system: true } | 'unscoped' | undefined

/** How the caller proves who it is. */
export interface AuthRequest {
  methods: readonly string[]
  password?: { user: Named & { password: string } } | undefined
  token?: { id: string } | undefined
  scope: ScopeRequest
}

/** A valid token: what it holds and what it is worth now. The catalog is added where it is shown. */
export interface Verdict {
  payload: TokenPayload
  body: TokenBody
}

export type TokenManager = ReturnType<typeof tokenManager>

const packr = new Packr({ useRecords: false })
const CACHED = 20_000
const TRUSTED = 1000                     // milliseconds since the revision was read

/** Issues, validates and revokes tokens. */
export function tokenManager(deps: Deps) {
  const { db, clock, ids, keys, passwords, options } = deps
  const verdicts = new Map<string, Verdict>()
  let generation = 0                                 // of what verdicts rest on: one worked out before a change is not kept after it
  let revision: number | undefined
  let readAt = -Infinity
  let reading: Promise<void> | undefined

  /** Throws Fault('unauthenticated') for whatever does not prove who the caller is, or a scope it has no role in. */
  async function authenticate(request: AuthRequest): Promise<{ token: string, verdict: Verdict }> {
    const proven = await prove(request)
    const seen = generation
    return db.read(async tx => {
      const user = await usable(tx, proven.userId)
      const target = await scopeTarget(tx, user, request.scope)
      const now = clock.now()
      const payload: TokenPayload = {
        userId: user.id, scope: target, methods: proven.methods, issuedAt: now,
        expiresAt: Math.min(proven.expiresAt ?? Infinity, Math.floor(now / 1000) * 1000 + options.tokenExpiration * 1000),
        auditIds: [ids.bytes(16).toString('base64url'), ...proven.chain],
      }
      const body = await bodyOf(tx, payload, user)
      if (!body) throw unauthorized(`user ${user.id} has no role in ${JSON.stringify(target)}`)
      const token = encrypt(keys.keys[0]!, packr.pack(pack(payload)), now, ids.bytes(16))
      const verdict = { payload, body }
      if (seen === generation) remember(token, verdict)
      return { token, verdict }
    })
  }

  async function prove(request: AuthRequest): Promise<{ userId: string, methods: string[], chain: string[], expiresAt?: number }> {
    let userId: string | undefined
    const methods = new Set<string>()
    let chain: string[] = []
    let expiresAt: number | undefined
    for (const method of request.methods) {
      if (method === 'password' && request.password) {
        const { user: asked } = request.password
        const { user, stored } = await db.read(async tx => {
          const user = await findUser(tx, asked)
          return { user, stored: user ? await users.passwordHash(tx, user.id) : null }
        })
        if (!await passwords.matches(asked.password, stored) || !user) throw unauthorized('wrong user or password')
        if (userId !== undefined && userId !== user.id) throw unauthorized('two methods name two users')
        userId = user.id
        methods.add('password')
      } else if (method === 'token' && request.token) {
        const known = await validate(request.token.id)
        if (!known) throw unauthorized('the token that was shown is not valid')
        if (userId !== undefined && userId !== known.payload.userId) throw unauthorized('two methods name two users')
        userId = known.payload.userId
        for (const m of [...known.payload.methods, 'token']) methods.add(m)
        chain = [known.payload.auditIds.at(-1)!]
        expiresAt = known.payload.expiresAt
      } else throw unauthorized(`method ${method} is not there, or its data are missing`)
    }
    if (userId === undefined) throw unauthorized('no method was named')
    return { userId, methods: [...methods], chain, ...(expiresAt !== undefined && { expiresAt }) }
  }

  /** What the token is worth now; undefined when it is nobody's, has ended or was revoked. */
  async function validate(token: string): Promise<Verdict | undefined> {
    if (clock.now() - readAt >= TRUSTED) await (reading ??= readRevision().finally(() => { reading = undefined }))
    const key = createHash('sha256').update(token).digest('base64')
    const known = verdicts.get(key)
    if (known) return known.payload.expiresAt > clock.now() ? known : undefined
    const payload = read(token)
    if (!payload || payload.expiresAt <= clock.now()) return undefined
    const seen = generation
    const body = await db.read(async tx => {
      if (await revocations.isRevoked(tx, payload.auditIds)) return undefined
      const user = await users.find(tx, payload.userId)
      return user && payload.issuedAt >= user.tokensFrom ? bodyOf(tx, payload, user) : undefined
    })
    if (!body) return undefined
    const verdict = { payload, body }
    if (seen === generation) remember(token, verdict)
    return verdict
  }

  /** Ends the token; those that were made from it live on, as upstream has it. */
  async function revoke(verdict: Verdict): Promise<void> {
    const { auditIds, expiresAt } = verdict.payload
    await db.write(async tx => {
      await revocations.purge(tx, clock.now())
      await revocations.insert(tx, { auditId: auditIds[0]!, wholeChain: false, expiresAt })
      await deps.changed(tx)
    })
  }

  function read(token: string): TokenPayload | undefined {
    const plain = decrypt(keys.keys, token)
    return plain && unpack(decode(plain))
  }

  function remember(token: string, verdict: Verdict): void {
    if (verdicts.size >= CACHED) verdicts.delete(verdicts.keys().next().value!)
    verdicts.set(createHash('sha256').update(token).digest('base64'), verdict)
  }

  async function readRevision(): Promise<void> {
    const asked = clock.now()
    const now = await db.read(revisions.get)
    if (now !== revision) forget()
    revision = now
    readAt = asked
  }

  /** Drops every cached verdict. */
  function forget(): void {
    generation++
    verdicts.clear()
  }

  return { authenticate, validate, revoke, forget }
}

async function findUser(tx: Tx, asked: Named): Promise<User | undefined> {
  if (asked.id !== undefined) return users.find(tx, asked.id)
  const domain = await findDomain(tx, asked.domain)
  return domain && asked.name !== undefined ? users.findByName(tx, domain.id, asked.name) : undefined
}

async function findDomain(tx: Tx, asked: Named['domain']): Promise<Project | undefined> {
  const found = asked?.id !== undefined ? await projects.find(tx, asked.id) : asked?.name !== undefined ? await projects.findByName(tx, null, asked.name) : await projects.find(tx, DEFAULT_DOMAIN)
  return found?.isDomain ? found : undefined
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

async function findProject(tx: Tx, asked: Named): Promise<Project | undefined> {
  if (asked.id !== undefined) return projects.find(tx, asked.id)
  const domain = await findDomain(tx, asked.domain)
  return domain && asked.name !== undefined ? projects.findByName(tx, domain.id, asked.name) : undefined
}

/** The token's body as it is worth now, or undefined when user or scope are disabled or gone, or the user has no role there. */
async function bodyOf(tx: Tx, payload: TokenPayload, user: User): Promise<TokenBody | undefined> {
  const home = await projects.find(tx, user.domainId)
  if (!user.enabled || !home?.enabled) return undefined
  const common = {
    methods: payload.methods, audit_ids: payload.auditIds, issued_at: isoMicros(payload.issuedAt), expires_at: isoMicros(payload.expiresAt),
    user: { id: user.id, name: user.name, domain: { id: home.id, name: home.name }, password_expires_at: null },
  }
  if (!payload.scope) return common
  const scope = payload.scope
  const project = scope.kind === 'system' ? undefined : await projects.find(tx, scope.id)
  if (scope.kind !== 'system' && !project?.enabled) return undefined
  const roles = await effectiveRoles(tx, user.id, scope, project)
  if (roles.length === 0) return undefined
  const shown = { ...common, roles: roles.map((role: Role) => ({ id: role.id, name: role.name })) }
  if (scope.kind === 'system') return { ...shown, system: { all: true } }
  if (scope.kind === 'domain') return { ...shown, domain: { id: project!.id, name: project!.name } }
  const domain = project!.isDomain ? project! : await projects.find(tx, project!.domainId!)
  if (!domain?.enabled) return undefined
  return { ...shown, is_domain: project!.isDomain, project: { id: project!.id, name: project!.name, domain: { id: domain.id, name: domain.name } } }
}

// Tokens: who may have one, what it is worth, and when it ends.
//
// A token holds who, how, where and until when; never roles. What it is worth is looked up when it is shown: user, scope and
// assignments as they are now. So a change of a role, user, project or domain ends (or changes) every token at once and exactly,
// and a revocation is one row found by key, whether there are ten or ten thousand. Verdicts are cached by the token's hash and
// dropped by every change (Deps.changed), so the look-up of a known token costs microseconds.
// Another process's change drops them too: each change moves a revision in its own transaction, and cached verdicts count only while that
// revision was read within the last second. Whoever comes first after that reads it, one row; the others wait for the same answer.
import { createHash } from 'node:crypto'
import type { TokenBody } from '@alto/kit/openstack'
import type { TokenFormat } from '../../driver/token-format.ts'
import { unauthorized } from '../../model/faults.ts'
import type { TokenPayload } from '../../model/tokens/tokens.ts'
import type { User } from '../../model/users/users.ts'
import * as revisions from '../../store/revisions.ts'
import * as revocations from '../../store/tokens/revocations.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'
import type { Proof } from '../methods/method.ts'
import { worthOf } from './worth.ts'

/** A valid token: what it holds and what it is worth now. The catalog is added where it is shown. */
export interface Verdict {
  payload: TokenPayload
  body: TokenBody
}

/** A token that was just made. */
export interface Issued {
  token: string
  verdict: Verdict
}

/** Who shall have a token, and where it shall hold. */
export interface TokenRequest extends Proof {
  user: User
  scope: TokenPayload['scope']
}

export type TokenManager = ReturnType<typeof tokenManager>

const CACHED = 20_000
const TRUSTED = 1000                     // milliseconds since the revision was read, or till then, when the clock was set back

/** Issues, validates and revokes tokens. */
export function tokenManager(deps: Deps, format: TokenFormat) {
  const { db, clock, ids, options } = deps
  const verdicts = new Map<string, Verdict>()
  let generation = 0                                 // of what verdicts rest on: one worked out before a change is not kept after it
  let revision: number | undefined
  let keyGeneration = format.generation
  let readAt = -Infinity
  let reading: Promise<void> | undefined

  /** The token that `plan` asks for, which may write when it says so. Throws Fault('unauthenticated') when its user has no role in its scope. */
  async function issue(plan: (tx: Tx) => Promise<TokenRequest>, how: 'read' | 'write' = 'read'): Promise<Issued> {
    await format.refresh()
    const seen = generation
    return db[how](async tx => {
      const wanted = await plan(tx)
      const now = clock.now()
      const payload: TokenPayload = {
        userId: wanted.user.id, scope: wanted.scope, methods: wanted.methods, issuedAt: now, delegation: wanted.delegation ?? null,
        expiresAt: Math.min(wanted.expiresAt ?? Infinity, Math.floor(now / 1000) * 1000 + options.tokenExpiration * 1000),
        auditIds: [ids.bytes(16).toString('base64url'), ...wanted.chain === undefined ? [] : [wanted.chain]],
      }
      const body = await worthOf(tx, payload, wanted.user)
      if (!body) throw unauthorized(`user ${wanted.user.id} has no role in ${JSON.stringify(wanted.scope)}`)
      const token = format.seal(payload)
      const verdict = { payload, body }
      if (seen === generation) remember(token, verdict)
      return { token, verdict }
    })
  }

  /** What the token is worth now; undefined when it is nobody's, has ended or was revoked. */
  async function validate(token: string): Promise<Verdict | undefined> {
    if (Math.abs(clock.now() - readAt) >= TRUSTED) await (reading ??= readRevision().finally(() => { reading = undefined }))
    const key = createHash('sha256').update(token).digest('base64')
    const known = verdicts.get(key)
    if (known) return known.payload.expiresAt > clock.now() ? known : undefined
    await format.refresh()
    const payload = format.open(token)
    if (!payload || payload.expiresAt <= clock.now()) return undefined
    const seen = generation
    const body = await db.read(async tx => {
      if (await revocations.isRevoked(tx, payload.auditIds)) return undefined
      const user = await users.find(tx, payload.userId)
      return user && payload.issuedAt >= user.tokensFrom ? worthOf(tx, payload, user) : undefined
    })
    if (!body) return undefined
    const verdict = { payload, body }
    if (seen === generation) remember(token, verdict)
    return verdict
  }

  /** Ends the token, and those that name it as the first of their chain. */
  async function revoke(verdict: Verdict): Promise<void> {
    const { auditIds, expiresAt } = verdict.payload
    await db.write(async tx => {
      await deps.changed(tx)
      await revocations.purge(tx, clock.now())
      await revocations.insert(tx, { auditId: auditIds[0]!, wholeChain: true, expiresAt, revokedAt: clock.now() })
    })
  }

  function remember(token: string, verdict: Verdict): void {
    if (verdicts.size >= CACHED) verdicts.delete(verdicts.keys().next().value!)
    verdicts.set(createHash('sha256').update(token).digest('base64'), verdict)
  }

  async function readRevision(): Promise<void> {
    const asked = clock.now()
    const [now] = await Promise.all([db.read(revisions.get), format.refresh()])
    if (now !== revision || format.generation !== keyGeneration) forget()
    revision = now
    keyGeneration = format.generation
    readAt = asked
  }

  /** Drops every cached verdict. */
  function forget(): void {
    generation++
    verdicts.clear()
  }

  return { issue, validate, revoke, forget }
}

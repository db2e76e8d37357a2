// How a caller proves who it is: what it says, and what each method makes of it.
import type { Delegation, TokenPayload } from '../../model/tokens/tokens.ts'

/** A name or an id, and the domain that a name is looked up in. */
export interface Named {
  id?: string | undefined
  name?: string | undefined
  domain?: { id?: string | undefined, name?: string | undefined } | undefined
}

/** `auth.identity` of a request: the methods, and what each is told under its own name. */
export interface Identity {
  methods: readonly string[]
  password?: { user: Named & { password: string } } | undefined
  token?: { id: string } | undefined
  application_credential?: { id?: string | undefined, name?: string | undefined, user?: Named | undefined, secret?: string | undefined } | undefined
  totp?: { user: Named & { passcode: string } } | undefined
}

/** What a method found proven. */
export interface Proof {
  userId: string
  /** The methods that the token will name. */
  methods: readonly string[]
  /** The audit id of the first token in a chain of rescoping. */
  chain?: string | undefined
  /** Milliseconds: the token that is made ends no later. */
  expiresAt?: number | undefined
  /** On whose behalf the caller acts, when its proof is bound to that. */
  delegation?: Delegation | undefined
  /** Milliseconds: whatever ended the user's tokens later than that ended the proof too. For proofs that such a change takes away. */
  standsFrom?: number | undefined
  /** Where the token must hold, when the proof says so itself and the caller may not. */
  scope?: TokenPayload['scope'] | undefined
}

/** `proven`: whom another proof of the same login named. Throws Fault('unauthenticated', 'keystone.unauthorized') when what is said proves nothing. */
export type Method = (identity: Identity, proven?: string) => Promise<Proof>

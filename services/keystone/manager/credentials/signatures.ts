// A request that was signed with an EC2 key pair, shown by the service that got it: the token of whoever signed it.
// Only services may ask: a presigned URL, which many may see, must not become a token in anybody's hands (OSSA-2025-002).
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { validityOf, validityOfText, type SignedRequest, type SignedText, type Validity } from '../../driver/signatures.ts'
import { readEc2Blob, type Credential } from '../../model/credentials/credentials.ts'
import type { Credentials } from '@alto/kit/policy'
import { refused, unauthorized } from '../../model/faults.ts'
import * as rules from '../../policy/credentials/ec2.ts'
import * as credentials from '../../store/credentials/credentials.ts'
import * as applicationCredentials from '../../store/delegation/application-credentials.ts'
import * as trusts from '../../store/delegation/trusts.ts'
import type { Tx } from '../../store/tables.ts'
import { idOfAccess } from './credentials.ts'
import { useTrust } from '../delegation/worth.ts'
import type { Deps } from '../deps.ts'
import { usableUser } from '../lookups.ts'
import type { Issued, TokenManager, TokenRequest } from '../tokens/tokens.ts'

export type SignatureManager = ReturnType<typeof signatureManager>

/** Gives tokens for signatures. */
export function signatureManager(deps: Deps, tokens: TokenManager) {
  const { db, clock, vault, options } = deps
  const skew = options.ec2AuthTtl * 60_000

  /** Throws Fault('notFound', 'keystone.ec2.notFound') for an access key that nobody has, Fault('unauthenticated', 'keystone.unauthorized') for all else that is wrong. */
  async function issue(access: string | undefined, validity: (secret: string) => Validity | undefined): Promise<Issued> {
    if (access === undefined) throw unauthorized('no signature was supplied')
    await vault.refresh()
    const stored = await db.read(tx => credentials.find(tx, idOfAccess(access)))
    if (stored?.type !== 'ec2') throw new Fault('notFound', 'keystone.ec2.notFound', 'EC2 access key not found.')
    const { sealed, ...rest } = stored
    const credential = { ...rest, blob: vault.open(sealed) }
    const { secret } = readEc2Blob(credential.blob)
    const valid = secret === null ? undefined : validity(secret)
    if (!valid || clock.now() < valid.from || clock.now() > valid.until) throw unauthorized('the signature is wrong, or its time is missing or not now')
    return tokens.issue(tx => tokenFor(tx, credential, deps), 'write')
  }

  return {
    /** By the description of a request to a service with an EC2 API. */
    async fromRequest(ctx: Context, access: string | undefined, request: SignedRequest): Promise<Issued> {
      ctx.authorize(rules.EC2TOKENS_VALIDATE, {})
      return issue(access, secret => validityOf(secret, request, skew))
    },

    /** By the text that was signed for an object store. */
    async fromText(ctx: Context, access: string | undefined, text: SignedText): Promise<Issued> {
      ctx.authorize(rules.S3TOKENS_VALIDATE, {})
      return issue(access, secret => validityOfText(secret, text, skew))
    },
  }
}

/** The owner in the credential's project; bounded by the delegation that the credential is bound to, when that is the owner's. A trust gives one of its uses. */
async function tokenFor(tx: Tx, { userId, projectId, blob }: Credential, deps: Pick<Deps, 'clock' | 'options'>): Promise<TokenRequest> {
  const now = deps.clock.now()
  const bound = readEc2Blob(blob)
  if (projectId === null || bound.access_token_id !== null) throw unauthorized('the credential has no project, or is bound to an OAuth access token, which there is none of')
  const request = { methods: ['ec2credential'], scope: { kind: 'project' as const, id: projectId } }
  if (bound.trust_id !== null) {
    const trust = await trusts.find(tx, bound.trust_id)
    const isOwners = trust?.trusteeUserId === userId || (trust?.trustorUserId === userId && trust.impersonation)
    if (!trust || !isOwners || trust.projectId !== projectId) throw unauthorized("the trust that the credential is bound to is gone, not its owner's, or of another project")
    const user = await usableUser(tx, trust.trusteeUserId, deps)
    return { ...request, userId: user.id, user, ...await useTrust(tx, trust.id, user, now) }
  }
  const user = await usableUser(tx, userId, deps)
  if (bound.app_cred_id === null) return { ...request, userId, user }
  const application = await applicationCredentials.find(tx, bound.app_cred_id)
  const expiresAt = application?.expiresAt ? Math.floor(application.expiresAt / 1000) : undefined
  if (application?.userId !== userId || application.projectId !== projectId || (expiresAt !== undefined && expiresAt <= now)) throw unauthorized("the application credential that the credential is bound to is gone, at its end, not its owner's, or of another project")
  return { ...request, userId, user, delegation: { kind: 'application_credential', id: application.id }, expiresAt }
}

/** What gives the caller's credentials, for Keystone itself: a token that was had by a signature is for the service that was asked, and changes nobody's identity. Throws Fault('forbidden', 'keystone.signed') for one. */
export function exceptSigned(authenticate: (token: string) => Promise<Credentials | undefined>): (token: string) => Promise<Credentials | undefined> {
  return async token => {
    const credentials = await authenticate(token)
    const methods = credentials?.token?.['methods']
    if (Array.isArray(methods) && methods.includes('ec2credential')) throw refused('signed', 'You are not authorized to perform the requested action.')
    return credentials
  }
}

// Credentials: secrets that Keystone keeps for users (EC2 key pairs, seeds of one-time passwords, certificates, whatever a client calls its type).
import { invalid } from '../faults.ts'

/** A credential, its blob in the clear. */
export interface Credential {
  id: string
  userId: string
  projectId: string | null
  type: string
  blob: string
  extra: Readonly<Record<string, unknown>>
}

/** What the blob of an EC2 credential says. The last three bind it to a delegation, for good. */
export interface Ec2Blob {
  access: string
  secret: string | null
  trust_id: string | null
  app_cred_id: string | null
  access_token_id: string | null
}

const BOUND = ['trust_id', 'app_cred_id', 'access_token_id', 'access_id'] as const

/** True for the types whose blob is an EC2 key pair, whatever the case. */
export function isEc2(type: string): boolean {
  return type.toLowerCase() === 'ec2'
}

/** True for seeds of one-time passwords: those are never shown again. */
export function isTotp(type: string): boolean {
  return type.toLowerCase() === 'totp'
}

/** The members of an EC2 blob, as they stand there. Throws Fault('badRequest', 'keystone.credential.blob') when it is not JSON with an `access`, or its members are no strings. */
export function readEc2Blob(blob: string): Ec2Blob {
  const parsed = parsedBlob(blob)
  const text = (name: string): string | null => {
    const value = parsed[name] ?? null
    if (value !== null && typeof value !== 'string') throw invalid('credential.blob', `Invalid blob in credential: ${name} has to be a string.`)
    return value
  }
  const access = text('access')
  if (access === null) throw expecting('access')
  return { access, secret: text('secret'), trust_id: text('trust_id'), app_cred_id: text('app_cred_id'), access_token_id: text('access_token_id') }
}

/** Throws Fault('badRequest', 'keystone.credential.blob') when an update of an EC2 blob would change what it is bound to (OSSA-2020-004). */
export function keepsBinding(before: string, after: string): void {
  const [was, is] = [parsedBlob(before), parsedBlob(after)]
  readEc2Blob(after)
  const changed = BOUND.find(key => (was[key] ?? null) !== (is[key] ?? null))
  if (changed) throw invalid('credential.blob', `${changed} can not be updated for credential`)
}

function parsedBlob(blob: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(blob)
  } catch {
    throw invalid('credential.blob', 'Invalid blob in credential')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed) || Object.keys(parsed).length === 0) throw expecting('blob')
  return parsed as Record<string, unknown>
}

function expecting(what: string) {
  return invalid('credential.blob', `Expecting to find ${what} in credential. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`)
}

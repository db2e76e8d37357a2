// Whose a token is, asked of Keystone over its API, for services that run in another process than Keystone.
// A verdict is kept for a second at most: a revoked token lives no longer than that anywhere.
import { createHash } from 'node:crypto'
import type { Clock } from '../clock/index.ts'
import { isFault } from '../errors/index.ts'
import type { Authenticate } from '../http/index.ts'
import type { Credentials } from '../policy/index.ts'
import type { RestClient } from './rest.ts'
import { credentialsFromToken, type TokenBody } from './token.ts'

const KEPT = 1000
const ENTRIES = 10_000

/** An Authenticate over Keystone's `GET /v3/auth/tokens`, which is told that access rules are kept here (kit/http does). Throws Fault('unavailable') when Keystone does not answer. */
export function remoteAuthenticator(identity: RestClient, clock: Clock): Authenticate {
  const verdicts = new Map<string, { until: number, credentials: Credentials | undefined }>()
  return async token => {
    const key = createHash('sha256').update(token).digest('base64')
    const known = verdicts.get(key)
    if (known && clock.now() < known.until) return known.credentials
    const credentials = await ask(identity, token)
    if (verdicts.size >= ENTRIES) verdicts.delete(verdicts.keys().next().value!)
    verdicts.set(key, { until: clock.now() + KEPT, credentials })
    return credentials
  }
}

async function ask(identity: RestClient, token: string): Promise<Credentials | undefined> {
  try {
    const { body } = await identity.call({ as: 'service', method: 'GET', path: '/v3/auth/tokens', headers: { 'x-subject-token': token, 'openstack-identity-access-rules': '1' } })
    return credentialsFromToken((body as { token: TokenBody }).token)
  } catch (error) {
    if (isFault(error, 'rest.identity.404') || isFault(error, 'rest.identity.401')) return undefined
    throw error
  }
}

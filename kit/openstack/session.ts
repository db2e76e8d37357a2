// Our own service user's token: got by password, kept until shortly before it ends.
import type { Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import type { Fetch } from '../http/index.ts'
import type { TokenBody } from './token.ts'

/** Gives the token that a service acts with. */
export interface ServiceSession {
  /** A token with some minutes left; a new one when `renewed` (the last one was refused). */
  token(renewed?: boolean): Promise<string>
}

const MARGIN = 5 * 60_000

/**
 * A session of a service user in the project `service` of the default domain. `identity` is Keystone's endpoint.
 * token() throws Fault('unavailable', 'rest.identity.login') when Keystone does not give one.
 */
export function serviceSession(user: { name: string, password: string, project?: string }, deps: { fetch: Fetch, identity: string, clock: Clock }): ServiceSession {
  let held: { token: string, until: number } | undefined
  let asking: Promise<string> | undefined

  async function login(): Promise<string> {
    const response = await deps.fetch({
      method: 'POST', url: `${deps.identity}/v3/auth/tokens`, headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: {
        identity: { methods: ['password'], password: { user: { name: user.name, domain: { id: 'default' }, password: user.password } } },
        scope: { project: { name: user.project ?? 'service', domain: { id: 'default' } } },
      } }),
    })
    const { token } = (await response.json() ?? {}) as { token?: TokenBody }
    const id = response.headers['x-subject-token']
    if (response.status !== 201 || !token || id === undefined) throw new Fault('unavailable', 'rest.identity.login', `The identity service gives ${user.name} no token (status ${response.status}).`)
    held = { token: id, until: Date.parse(token.expires_at) - MARGIN }
    return id
  }

  return {
    async token(renewed = false) {
      if (held && !renewed && deps.clock.now() < held.until) return held.token
      asking ??= login().finally(() => { asking = undefined })
      return asking
    },
  }
}

// By a token that the caller has: rescoping. The new token remembers the first one of its chain and ends when that does.
import { unauthorized } from '../../model/faults.ts'
import type { TokenManager } from '../tokens.ts'
import type { Method } from './method.ts'

/** The method `token`. */
export function tokenMethod(tokens: TokenManager): Method {
  return async ({ token: asked }) => {
    const known = asked && await tokens.validate(asked.id)
    if (!known) throw unauthorized('the token that was shown is not valid')
    const { userId, methods, auditIds, expiresAt } = known.payload
    return { userId, methods: [...methods, 'token'], chain: auditIds.at(-1)!, expiresAt }
  }
}

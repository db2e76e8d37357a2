// By a token that the caller has: rescoping. The new token remembers the first one of its chain and ends when that does.
import { Fault } from '@alto/kit/errors'
import { refused } from '../../model/faults.ts'
import { isDelegate } from '../delegation/caller.ts'
import type { TokenManager } from '../tokens/tokens.ts'
import type { Method } from './method.ts'

/** The method `token`. What was delegated is not to be had again in another shape: such tokens make no others. */
export function tokenMethod(tokens: TokenManager): Method {
  return async ({ token: asked }) => {
    const known = asked && await tokens.validate(asked.id)
    if (!known) throw new Fault('notFound', 'keystone.token.notFound', 'Failed to validate token')      // upstream's status: clients tell by it that they must log in anew
    const { userId, methods, auditIds, issuedAt, expiresAt, delegation } = known.payload
    if (delegation?.kind === 'trust') throw refused('token.trust', 'You are not authorized to perform the requested action: Using trust-scoped token to create another token. Create a new trust-scoped token instead.')
    if (delegation || isDelegate(methods)) throw refused('token.delegated', 'You are not authorized to perform the requested action: Using a delegated token to create another token is not allowed.')
    return { userId, methods: [...methods, 'token'], chain: auditIds.at(-1)!, expiresAt, standsFrom: issuedAt }
  }
}

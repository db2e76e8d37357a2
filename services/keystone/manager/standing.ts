// What somebody would be with a token, without one being made: for an operator who asks why a rule refuses.
import { credentialsFromToken } from '@alto/kit/openstack'
import type { Credentials } from '@alto/kit/policy'
import { notFound } from '../model/faults.ts'
import { scopeTarget, type ScopeRequest } from './tokens/authentication.ts'
import type { Deps } from './deps.ts'
import { findUser } from './lookups.ts'
import type { Named } from './methods/method.ts'
import { worthOf } from './tokens/worth.ts'

/**
 * The credentials that a token of the user would give in the scope. Throws Fault('notFound', 'keystone.user.notFound' | 'keystone.roleassignment.notFound') when there is no
 * such user, or it could have no token there, and Fault('unauthenticated') for a scope that does not exist.
 */
export async function credentialsOf({ db, clock }: Deps, asked: Named, scope: Exclude<ScopeRequest, { trust: unknown }>): Promise<Credentials> {
  const now = clock.now()
  return db.read(async tx => {
    const user = await findUser(tx, asked)
    if (!user) throw notFound('user', asked.id ?? asked.name ?? '')
    const target = await scopeTarget(tx, user, scope)
    const body = await worthOf(tx, { userId: user.id, scope: target, methods: ['password'], issuedAt: now, expiresAt: now, auditIds: [], delegation: null }, user)
    if (!body) throw notFound('role assignment', `user ${user.name} has no role there, or one of both is disabled`)
    return credentialsFromToken(body)
  })
}

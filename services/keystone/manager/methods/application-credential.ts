// By an application credential: its id, or its name and its user, and its secret.
import { expected, unauthorized } from '../../model/faults.ts'
import * as credentials from '../../store/delegation/application-credentials.ts'
import type { Deps } from '../deps.ts'
import { findUser } from '../lookups.ts'
import type { Method } from './method.ts'

/** The method `application_credential`. One that does not exist costs the same time as one that does, and is answered alike. */
export function applicationCredentialMethod({ db, clock, passwords }: Deps): Method {
  return async ({ application_credential: asked }) => {
    if (!asked) throw expected('application_credential', 'identity')
    const { id, name, user: named } = asked
    if (id === undefined && name === undefined) throw expected('name or ID', 'application credential')
    if (id === undefined && !named) throw expected('user', 'application credential')
    const { found, stored } = await db.read(async tx => {
      const user = id === undefined ? await findUser(tx, named!) : undefined
      const found = id !== undefined ? await credentials.find(tx, id) : user && await credentials.findByName(tx, user.id, name!)
      return { found, stored: found ? await credentials.secretHash(tx, found.id) : null }
    })
    if (!await passwords.matches(asked.secret ?? '', stored) || !found) throw unauthorized('wrong application credential or secret')
    const expiresAt = found.expiresAt === null ? undefined : found.expiresAt / 1000
    if (expiresAt !== undefined && expiresAt <= clock.now()) throw unauthorized(`application credential ${found.id} is at its end`)
    return {
      userId: found.userId, methods: ['application_credential'], delegation: { kind: 'application_credential', id: found.id }, scope: { kind: 'project', id: found.projectId },
      expiresAt: expiresAt === undefined ? undefined : Math.floor(expiresAt / 1000) * 1000,
    }
  }
}

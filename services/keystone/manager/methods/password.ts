// By password.
import { unauthorized } from '../../model/faults.ts'
import * as users from '../../store/users.ts'
import type { Deps } from '../deps.ts'
import { findUser } from '../lookups.ts'
import type { Method } from './method.ts'

/** The method `password`. A user that does not exist costs the same time as one that does. */
export function passwordMethod({ db, passwords }: Deps): Method {
  return async ({ password: asked }) => {
    if (!asked) throw unauthorized('no password was given')
    const { user, stored } = await db.read(async tx => {
      const user = await findUser(tx, asked.user)
      return { user, stored: user ? await users.passwordHash(tx, user.id) : null }
    })
    if (!await passwords.matches(asked.user.password, stored) || !user) throw unauthorized('wrong user or password')
    return { userId: user.id, methods: ['password'] }
  }
}

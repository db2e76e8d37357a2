// By the passcode of an authenticator app, whose seed is a credential of type totp.
import { unauthorized } from '../../model/faults.ts'
import type { Deps } from '../deps.ts'
import { findUser } from '../lookups.ts'
import type { Passcodes } from '../credentials/passcodes.ts'
import type { Method } from './method.ts'

/** The method `totp`. */
export function totpMethod({ db }: Deps, passcodes: Passcodes): Method {
  return async ({ totp: asked }, proven) => {
    if (!asked) throw unauthorized('no passcode was given')
    const user = await db.read(tx => findUser(tx, asked.user))
    if (!await passcodes.take(user?.id, asked.user.passcode, { stranger: proven === undefined || user?.id !== proven }) || !user) throw unauthorized('wrong user or passcode')
    return { userId: user.id, methods: ['totp'], standsFrom: user.tokensFrom }
  }
}

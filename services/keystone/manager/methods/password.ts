// By password.
import { Fault } from '@alto/kit/errors'
import { unauthorized } from '../../model/faults.ts'
import { isExpired, isInactive, isLocked, type StoredPassword } from '../../model/users/passwords.ts'
import type { User } from '../../model/users/users.ts'
import * as stored from '../../store/users/passwords.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Deps } from '../deps.ts'
import { findUser } from '../lookups.ts'
import type { Method, Named } from './method.ts'

const DAY = 86_400_000
const NONE = { count: 0, at: null }

/** The method `password`. An expired one is good for nothing but being changed, and only who has it is told so. */
export function passwordMethod(deps: Deps): Method {
  return async ({ password: asked }) => {
    if (!asked) throw unauthorized('no password was given')
    const { user } = await provenByPassword(deps, asked.user, asked.user.password)
    if (isExpired(user, deps.clock.now())) throw new Fault('unauthenticated', 'keystone.password.expired', `The password is expired and needs to be changed for user: ${user.id}.`)
    return { userId: user.id, methods: ['password'], standsFrom: user.tokensFrom }
  }
}

/**
 * The user whose password it is, expired or not, and which of its passwords it was. Users that do not exist, are disabled or locked, and wrong passwords are one fault
 * and take one time: a hash, a look and, where logins are counted, a write. So a guesser learns nothing, not even by a right guess
 * while the account is locked.
 */
export async function provenByPassword({ db, clock, passwords, options }: Deps, named: Named, password: string): Promise<{ user: User, current: StoredPassword }> {
  const { user, current, isUsable } = await db.read(async tx => {
    const user = await findUser(tx, named)
    const [current, home] = [await stored.find(tx, user?.id ?? ''), await projects.find(tx, user?.domainId ?? '')]
    return { user, current, isUsable: user?.enabled === true && home?.enabled === true && !isInactive(user, options, clock.now()) }
  })
  const matches = await passwords.matches(password, current?.hash ?? null)
  const now = clock.now()
  const failures = options.lockoutFailureAttempts === null ? NONE : await db.read(tx => stored.failures(tx, user?.id ?? ''))       // after the hash: guesses at once do not get around the lock
  if (!user || !current || !matches || !isUsable || isLocked(user, failures, options, now)) {
    const most = options.lockoutFailureAttempts
    const forgottenBefore = options.lockoutDuration === 0 ? -1 : now - options.lockoutDuration * 1000
    if (most !== null) await db.write(tx => stored.countFailure(tx, user?.id ?? '', now, { most, forgottenBefore }))
    throw unauthorized(!user ? 'no such user' : !matches ? 'wrong password' : !isUsable ? `user ${user.id} or its domain is disabled` : `user ${user.id} is locked`)
  }
  if (failures.count > 0) await db.write(tx => stored.clearFailures(tx, user.id))
  if (options.disableUserAccountDaysInactive !== null && Math.floor(now / DAY) > Math.floor(user.activeAt / DAY)) await db.write(tx => stored.setActive(tx, user.id, now))
  return { user, current }
}

// What a site asks of passwords and of those who log in with them. Times are milliseconds; days are of 24 hours, those of inactivity calendar days of UTC.
import { Fault } from '@alto/kit/errors'
import type { User } from './users.ts'

/** A password as it is kept: its hash, or null for "cannot log in by password". */
export interface StoredPassword {
  /** Counts up with each new password of the user. */
  number: number
  hash: string | null
  createdAt: number
  expiresAt: number | null
  /** Chosen by its user, not by an administrator. */
  selfService: boolean
}

/** Failed logins since the last good one. */
export interface Failures { count: number, at: number | null }

/** The part of the options that is about passwords; null where a rule is not in force. */
export interface PasswordRules {
  passwordExpiresDays: number | null
  changePasswordUponFirstUse: boolean
  uniqueLastPasswordCount: number
  minimumPasswordAge: number
  passwordRegex: string | null
  passwordRegexDescription: string | null
  lockoutFailureAttempts: number | null
  /** Seconds; 0: until an administrator enables the account. */
  lockoutDuration: number
  disableUserAccountDaysInactive: number | null
}

const DAY = 86_400_000

/**
 * What checks that a new password is as the site wants it: it throws Fault('badRequest', 'keystone.password.requirements') when not.
 * The pattern holds from the start of the text, as upstream has it. Throws an Error that names the option when the pattern is none.
 */
export function requirementsOf(rules: PasswordRules): (password: string) => void {
  if (rules.passwordRegex === null) return () => {}
  const pattern = compiled(rules.passwordRegex)
  return password => {
    if (!pattern.test(password)) throw new Fault('badRequest', 'keystone.password.requirements', `The password does not match the requirements: ${rules.passwordRegexDescription ?? 'they are not described'}.`)
  }
}

/** When a password that is set now ends; null: never. One that an administrator chose may be good only for being changed. */
export function expiryOf(user: Pick<User, 'options'>, chosen: { at: number, selfService: boolean }, rules: PasswordRules): number | null {
  if (rules.changePasswordUponFirstUse && !chosen.selfService && !isOn(user, 'ignore_change_password_upon_first_use')) return chosen.at
  if (rules.passwordExpiresDays === null || isOn(user, 'ignore_password_expiry')) return null
  return Math.floor(chosen.at / 1000) * 1000 + rules.passwordExpiresDays * DAY
}

/** True when the user must change its password before it gets a token. */
export function isExpired(user: Pick<User, 'options' | 'passwordExpiresAt'>, now: number): boolean {
  return user.passwordExpiresAt !== null && now >= user.passwordExpiresAt && !isOn(user, 'ignore_password_expiry')
}

/** True when too many logins failed of late, whatever the next one brings. */
export function isLocked(user: Pick<User, 'options'>, failures: Failures, rules: PasswordRules, now: number): boolean {
  const most = rules.lockoutFailureAttempts
  if (most === null || failures.count < most || isOn(user, 'ignore_lockout_failure_attempts')) return false
  return rules.lockoutDuration === 0 || (failures.at ?? 0) + rules.lockoutDuration * 1000 > now
}

/** True when the user did not log in for so many days that it counts as disabled. */
export function isInactive(user: Pick<User, 'options' | 'activeAt'>, rules: PasswordRules, now: number): boolean {
  const most = rules.disableUserAccountDaysInactive
  return most !== null && !isOn(user, 'ignore_user_inactivity') && Math.floor(now / DAY) - Math.floor(user.activeAt / DAY) >= most
}

/**
 * Throws Fault('badRequest') when the user may not choose another password now: `keystone.password.locked` for an account whose password only
 * administrators change, `keystone.password.age` while the last one of its own choice is too young.
 */
export function checkMayChange(user: Pick<User, 'options'>, current: StoredPassword, rules: PasswordRules, now: number): void {
  if (isOn(user, 'lock_password')) throw new Fault('badRequest', 'keystone.password.locked', 'You cannot change your password at this time due to password policy disallowing password changes. Please contact your administrator to reset your password.')
  const left = current.createdAt + rules.minimumPasswordAge * DAY - now
  if (!current.selfService || left <= 0) return
  throw new Fault('badRequest', 'keystone.password.age', `You cannot change your password at this time due to the minimum password age. Once you change your password, it must be used for ${rules.minimumPasswordAge} day(s) before it can be changed. Please try again in ${Math.floor(left / DAY)} day(s) or contact your administrator to reset your password.`)
}

/** A time of a password as the API shows it, in UTC and without saying so; null stays null. */
export function shownTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString().replace(/Z$/, '000')
}

function isOn(user: Pick<User, 'options'>, option: string): boolean {
  return user.options[option] === true
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})`, 'u')
  } catch (cause) {
    throw new Error(`password_regex is not a regular expression: ${pattern}`, { cause })
  }
}

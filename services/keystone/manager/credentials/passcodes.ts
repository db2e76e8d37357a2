// Passcodes of authenticator apps: taken once each, and tried only so often, since there are only a million of them.
import { isSame } from '../../driver/secrets.ts'
import { passcodeAt, seedOf, STEP } from '../../driver/totp.ts'
import { refused } from '../../model/faults.ts'
import { asksForMore } from '../../model/tokens/multi-factor.ts'
import * as credentials from '../../store/credentials/credentials.ts'
import * as passcodes from '../../store/credentials/passcodes.ts'
import * as users from '../../store/users/users.ts'
import type { Deps } from '../deps.ts'

export type Passcodes = ReturnType<typeof passcodeManager>

const TRIES = 5
const WINDOW = 300_000

/** Takes passcodes. */
export function passcodeManager({ db, clock, vault, options }: Deps) {
  /**
   * True when one of the user's seeds gives that passcode now (or in the steps before that `totp_previous_windows` lets count), and it was not taken before.
   * After 5 wrong ones none is right for what is left of 5 minutes; those of strangers, who proved nothing else, are counted apart, so that they do not lock the user out. A user that does not exist costs the same statements.
   */
  async function take(userId: string | undefined, passcode: string, { stranger }: { stranger: boolean }): Promise<boolean> {
    await vault.refresh()
    const now = clock.now()
    const step = Math.floor(now / STEP)
    const oldest = step - options.totpPreviousWindows
    const counter = `${stranger ? '?' : ''}${userId ?? ''}`
    return db.write(async tx => {
      if (await passcodes.countTry(tx, counter, { now, window: WINDOW }) > TRIES) return false
      const candidates = (await credentials.list(tx, { userId: userId ?? '', type: 'totp' })).flatMap(({ id, sealed }) => {
        const seed = seedOf(vault.open(sealed))
        return seed ? Array.from({ length: step - oldest + 1 }, (_, back) => ({ id, step: step - back, passcode: passcodeAt(seed, step - back) })) : []
      })
      for (const right of candidates.filter(one => isSame(one.passcode, passcode))) {
        if (!await passcodes.takePasscode(tx, right.id, { step: right.step, oldest })) continue
        await passcodes.forgetTries(tx, counter)
        return true
      }
      return false
    })
  }

  /** A user that has rules of several proofs shows a passcode anew before it touches what those proofs rest on: a stolen token does not suffice. Throws Fault('forbidden', 'keystone.passcodeRequired'). */
  async function requireFresh(userId: string, passcode: string | undefined): Promise<void> {
    if (!options.requireMfaForSensitiveAccountActions) return
    const user = await db.read(tx => users.find(tx, userId))
    if (!user || !asksForMore(user) || (passcode !== undefined && await take(user.id, passcode, { stranger: false }))) return
    throw refused('passcodeRequired', 'You are not authorized to perform the requested action: This action requires a current MFA passcode in the OpenStack-MFA-Passcode header.')
  }

  return { take, requireFresh }
}

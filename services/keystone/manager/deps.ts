// What Keystone's managers are given.
import type { Clock } from '@alto/kit/clock'
import type { Database } from '@alto/kit/db'
import type { Ids } from '@alto/kit/ids'
import type { Keys } from '../driver/keys.ts'
import type { Passwords } from '../driver/passwords.ts'
import type { Vault } from '../driver/vault.ts'
import type { EnforcementModel } from '../model/limits.ts'
import type { PasswordRules } from '../model/users/passwords.ts'
import type { NameCheck } from '../model/projects/projects.ts'
import type { Tables, Tx } from '../store/tables.ts'

/** Keystone's surroundings. */
export interface Deps {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  keys: Keys
  vault: Vault
  passwords: Passwords
  options: PasswordRules & {
    tokenExpiration: number
    receiptExpiration: number
    authMethods: readonly string[]
    totpPreviousWindows: number
    requireMfaForSensitiveAccountActions: boolean
    ec2AuthTtl: number
    userCredentialLimit: number | null
    applicationCredentialsPerUser: number | null
    maxRedelegationCount: number
    listLimit: number | null
    maxDbLimit: number
    enforcementModel: EnforcementModel
    returnAllEndpointsIfNoFilter: boolean
    maxProjectTreeDepth: number
    projectNameUrlSafe: NameCheck
    domainNameUrlSafe: NameCheck
  }
  /**
   * Called first in every transaction that may change what a token is worth, or the catalog shown with it, and in those that make what another such change
   * may take away: each waits for the one before, and sees what that left. Cached verdicts are dropped when it commits, within a second in other processes.
   */
  changed(tx: Tx): Promise<void>
}

// Keystone's tables: JSON in text, booleans 0 and 1, times in milliseconds. Each room of tables/ holds rows and migrations of one matter.
import type { Migration, Tx as KitTx } from '@alto/kit/db'
import { delegationMigrations, type DelegationTables } from './tables/delegation.ts'
import { credentialMigrations, type CredentialTables } from './tables/credentials.ts'
import { domainConfigurationMigrations, type DomainConfigurationTables } from './tables/domain-configuration.ts'
import { catalogMigrations, type CatalogTables } from './tables/catalog.ts'
import { identityMigrations, roleMigrations, userMigrations, type IdentityTables } from './tables/identity.ts'
import { limitMigrations, type LimitTables } from './tables/limits.ts'
import { passwordMigrations, type PasswordTables } from './tables/passwords.ts'
import { revocationMigrations } from './tables/revocations.ts'

/** The rows, as Kysely sees them. */
export interface Tables extends IdentityTables, CredentialTables, DelegationTables, PasswordTables, DomainConfigurationTables, LimitTables, CatalogTables {}

export type Tx = KitTx<Tables>

/** In the order of their ids, which is the order in which they run. */
export const migrations: readonly Migration[] = [...identityMigrations, ...delegationMigrations, ...credentialMigrations, ...passwordMigrations, ...domainConfigurationMigrations, ...roleMigrations, ...limitMigrations, ...catalogMigrations, ...revocationMigrations, ...userMigrations]

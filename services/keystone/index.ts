// Keystone, put together.
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import { afterCommit, type Database } from '@alto/kit/db'
import type { AnyRoute, Authenticate, HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import { credentialsFromToken } from '@alto/kit/openstack'
import type { Credentials, Enforcer, Rule } from '@alto/kit/policy'
import { grantRoutes } from './api/roles/grants.ts'
import { credentialRoutes } from './api/credentials/credentials.ts'
import { ec2Routes } from './api/credentials/ec2.ts'
import { endpointFilterRoutes } from './api/catalog/endpoint-filters.ts'
import { policyRoutes } from './api/catalog/policies.ts'
import { dialect } from './api/dialect.ts'
import { accessRuleRoutes } from './api/delegation/access-rules.ts'
import { applicationCredentialRoutes } from './api/delegation/application-credentials.ts'
import { trustRoutes } from './api/delegation/trusts.ts'
import { discoveryRoutes } from './api/discovery.ts'
import { domainConfigurationRoutes } from './api/projects/domain-configuration.ts'
import { endpointRoutes } from './api/catalog/endpoints.ts'
import { groupRoutes } from './api/users/groups.ts'
import { PREFIX } from './api/prefix.ts'
import { domainRoutes, projectRoutes } from './api/projects/projects.ts'
import { limitRoutes } from './api/limits.ts'
import { regionRoutes } from './api/catalog/regions.ts'
import { roleAssignmentRoutes } from './api/roles/role-assignments.ts'
import { revocationRoutes } from './api/tokens/revocations.ts'
import { roleRoutes } from './api/roles/roles.ts'
import { serviceRoutes } from './api/catalog/services.ts'
import { tokenRoutes } from './api/tokens/tokens.ts'
import { userRoutes } from './api/users/users.ts'
import { KEY_DIRECTORIES, openAllKeys, type Keys, type KeyUse } from './driver/keys.ts'
import { bcryptPasswords, cheapWhenLong, type Passwords } from './driver/passwords.ts'
import { tokenFormat } from './driver/token-format.ts'
import { vault } from './driver/vault.ts'
import { grantManager, type GrantManager } from './manager/roles/grants.ts'
import { authenticationManager, type AuthenticationManager } from './manager/tokens/authentication.ts'
import { bootstrap, type Bootstrap } from './manager/bootstrap.ts'
import { accessRuleManager, type AccessRuleManager } from './manager/delegation/access-rules.ts'
import { applicationCredentialManager, type ApplicationCredentialManager } from './manager/delegation/application-credentials.ts'
import { trustManager, type TrustManager } from './manager/delegation/trusts.ts'
import { credentialManager, type CredentialManager } from './manager/credentials/credentials.ts'
import { passcodeManager } from './manager/credentials/passcodes.ts'
import { exceptSigned, signatureManager, type SignatureManager } from './manager/credentials/signatures.ts'
import { endpointFilterManager, type EndpointFilterManager } from './manager/catalog/endpoint-filters.ts'
import { policyManager, type PolicyManager } from './manager/catalog/policies.ts'
import type { Deps } from './manager/deps.ts'
import type { Named } from './manager/methods/method.ts'
import { domainConfigurationManager, type DomainConfigurationManager } from './manager/projects/domain-configuration.ts'
import { endpointManager, type EndpointManager } from './manager/catalog/endpoints.ts'
import { groupManager, type GroupManager } from './manager/users/groups.ts'
import { limitManager, type LimitManager } from './manager/limits.ts'
import { projectManager, type ProjectManager } from './manager/projects/projects.ts'
import { regionManager, type RegionManager } from './manager/catalog/regions.ts'
import { roleAssignmentManager, type RoleAssignmentManager } from './manager/roles/role-assignments.ts'
import { revocationManager, type RevocationManager } from './manager/tokens/revocations.ts'
import { roleManager, type RoleManager } from './manager/roles/roles.ts'
import { serviceManager, type ServiceManager } from './manager/catalog/services.ts'
import { credentialsOf } from './manager/standing.ts'
import { tokenManager, type TokenManager, type Verdict } from './manager/tokens/tokens.ts'
import { recoverAdmin } from './manager/recovery.ts'
import { userManager, type UserManager } from './manager/users/users.ts'
import { keystoneOptions } from './options.ts'
import * as assignmentRules from './policy/roles/assignments.ts'
import * as authRules from './policy/tokens/tokens.ts'
import * as baseRules from './policy/base.ts'
import * as credentialRules from './policy/credentials/credentials.ts'
import * as ec2Rules from './policy/credentials/ec2.ts'
import * as accessRuleRules from './policy/delegation/access-rules.ts'
import * as applicationCredentialRules from './policy/delegation/application-credentials.ts'
import * as trustRules from './policy/delegation/trusts.ts'
import * as domainConfigurationRules from './policy/projects/domain-configuration.ts'
import * as endpointFilterRules from './policy/catalog/endpoint-filters.ts'
import * as policyRules from './policy/catalog/policies.ts'
import * as domainRules from './policy/projects/domains.ts'
import * as endpointRules from './policy/catalog/endpoints.ts'
import * as groupRules from './policy/users/groups.ts'
import * as limitRules from './policy/limits.ts'
import * as projectRules from './policy/projects/projects.ts'
import * as regionRules from './policy/catalog/regions.ts'
import * as revocationRules from './policy/tokens/revocations.ts'
import * as roleRules from './policy/roles/roles.ts'
import * as serviceRules from './policy/catalog/services.ts'
import * as userRules from './policy/users/users.ts'
import * as revisions from './store/revisions.ts'
import { migrations, type Tables } from './store/tables.ts'

/** A scope that a token could have. */
export type Scope = { project: Named } | { domain: Named } | { system: true }

export { rotateKeys, type Rotation } from './manager/rotation.ts'
export { keystoneOptions, KEY_DIRECTORIES, migrations, type KeyUse, type Named, type Bootstrap, type Keys, type Passwords, type Tables }

const rules: readonly Rule[] = [
  baseRules, authRules, domainRules, domainConfigurationRules, projectRules, userRules, groupRules, roleRules, assignmentRules, credentialRules, ec2Rules, regionRules, serviceRules, endpointRules, endpointFilterRules, policyRules, limitRules, revocationRules, trustRules, applicationCredentialRules, accessRuleRules,
].flatMap(room => Object.values(room))

/** Keystone's managers, as its routes use them. */
interface Managers {
  authentication: AuthenticationManager
  tokens: TokenManager
  projects: ProjectManager
  domains: ProjectManager
  configurations: DomainConfigurationManager
  users: UserManager
  groups: GroupManager
  roles: RoleManager
  grants: GrantManager
  roleAssignments: RoleAssignmentManager
  trusts: TrustManager
  applicationCredentials: ApplicationCredentialManager
  accessRules: AccessRuleManager
  credentials: CredentialManager
  signatures: SignatureManager
  regions: RegionManager
  services: ServiceManager
  endpoints: EndpointManager
  endpointFilters: EndpointFilterManager
  policies: PolicyManager
  limits: LimitManager
  revocations: RevocationManager
}

/** What Keystone declares: for the documents, the coverage and the checks. */
export const declared = { routes: routesOf({} as Managers), rules, options: keystoneOptions }

/** What Keystone is made of. */
export interface KeystoneParts {
  db: Database<Tables>
  clock: Clock
  ids: Ids
  /** Where the keys are kept: the directory of their directories, or repositories that are open. */
  keys: string | Keys
  options: Values<typeof keystoneOptions>
  enforcer(): Enforcer
  /** Bcrypt of the configured cost when not given. */
  passwords?: Passwords
}

/** A running Keystone. */
export interface Keystone {
  /** To be carried under `/identity` and at the root. */
  http: HttpService[]
  routes: readonly AnyRoute[]
  /** Whose a token is, without a call: for the services of the same process. */
  authenticate: Authenticate
  /** Makes what is missing of a cloud's first users, roles and endpoints; safe to repeat. */
  bootstrap(wanted: Bootstrap): Promise<void>
  /** Who a user would be with a token in a scope. Throws what credentialsOf of manager/standing.ts does. */
  credentialsOf(user: Named, scope: Scope): Promise<Credentials>
}

/** Puts Keystone together. */
export async function keystoneService(parts: KeystoneParts): Promise<Keystone> {
  const keys = typeof parts.keys === 'string' ? await openAllKeys(parts.keys, parts) : parts.keys
  const passwords = parts.passwords ?? bcryptPasswords(parts.options.passwordHashRounds)
  const deps: Deps = { ...parts, keys, passwords, vault: vault(keys.credentials, parts.ids, parts.clock), async changed(tx) {
    await revisions.bump(tx)
    afterCommit(tx, () => tokens.forget())
  } }
  const tokens = tokenManager(deps, tokenFormat(parts.options.tokenProvider, keys, parts.ids))
  const passcodes = passcodeManager(deps)
  const credentials = credentialManager(deps, passcodes)
  const routes = routesOf({
    tokens, authentication: authenticationManager(deps, tokens, passcodes), projects: projectManager(deps, 'project'), domains: projectManager(deps, 'domain'), configurations: domainConfigurationManager(deps), users: userManager(deps, passcodes), groups: groupManager(deps), roles: roleManager(deps),
    grants: grantManager(deps), roleAssignments: roleAssignmentManager(deps), trusts: trustManager(deps), applicationCredentials: applicationCredentialManager(deps), accessRules: accessRuleManager(deps), credentials, signatures: signatureManager(deps, tokens), regions: regionManager(deps), services: serviceManager(deps), endpoints: endpointManager(deps), endpointFilters: endpointFilterManager(deps), policies: policyManager(deps), limits: limitManager(deps), revocations: revocationManager(deps),
  })
  const known = new WeakMap<Verdict, Credentials>()

  /** One object for each valid token, so that what the enforcer works out of it is kept too. */
  async function authenticate(token: string): Promise<Credentials | undefined> {
    const verdict = await tokens.validate(token)
    if (!verdict) return undefined
    const credentials = known.get(verdict) ?? credentialsFromToken(verdict.body)
    known.set(verdict, credentials)
    return credentials
  }

  const common = { name: 'keystone', catalogTypes: ['identity'], routes, dialect, enforcer: parts.enforcer, authenticate: exceptSigned(authenticate) }
  return {
    routes, authenticate, http: [{ ...common, prefix: PREFIX }, { ...common, prefix: '' }],
    credentialsOf: (user, scope) => credentialsOf(deps, user, scope),
    bootstrap: wanted => bootstrap({ ...deps, passwords: parts.passwords ?? cheapWhenLong(passwords) }, wanted),
  }
}

/** Gives the administrator this password, and all else that it needs to get in, without a running Keystone or beside one: see `recoverAdmin`. */
export async function recover(parts: Pick<KeystoneParts, 'db' | 'clock' | 'ids' | 'options'>, password: string): Promise<void> {
  await recoverAdmin({ ...parts, passwords: bcryptPasswords(parts.options.passwordHashRounds), changed: revisions.bump }, password)
}

function routesOf(m: Managers): AnyRoute[] {
  const routes = [
    ...tokenRoutes(m), ...domainRoutes(m.domains), ...domainConfigurationRoutes(m.configurations), ...projectRoutes(m.projects), ...userRoutes(m.users), ...groupRoutes(m.groups), ...roleRoutes(m.roles),
    ...trustRoutes(m.trusts), ...applicationCredentialRoutes(m.applicationCredentials), ...accessRuleRoutes(m.accessRules),
    ...grantRoutes(m.grants), ...roleAssignmentRoutes(m.roleAssignments), ...credentialRoutes(m.credentials), ...ec2Routes(m), ...regionRoutes(m.regions), ...serviceRoutes(m.services), ...endpointRoutes(m.endpoints), ...endpointFilterRoutes(m.endpointFilters), ...policyRoutes(m.policies), ...limitRoutes(m.limits), ...revocationRoutes(m.revocations),
  ]
  return [...discoveryRoutes(routes), ...routes]
}

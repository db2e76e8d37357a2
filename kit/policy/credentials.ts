// Who asks, and the names by which checks see it: user_id, project_id (and tenant_id), domain_id, system_scope, roles, token.*.

/** Who asks, as the token says. A token has at most one scope: project, domain or system. */
export interface Credentials {
  readonly userId: string
  readonly userDomainId: string
  readonly userName?: string
  readonly projectId?: string
  readonly projectName?: string
  readonly projectDomainId?: string
  readonly domainId?: string
  readonly systemScope?: 'all'
  /** Role names. */
  readonly roles: readonly string[]
  /** True unless Keystone names an admin project and this is another one. */
  readonly isAdminProject?: boolean
  /** Role names of the service that passes the request on (X-Service-Token). */
  readonly serviceRoles?: readonly string[]
  readonly serviceUserId?: string
  readonly serviceProjectId?: string
  /** The only requests that the token is for (METHOD PATH of a service type); absent: any. */
  readonly accessRules?: readonly { readonly service: string, readonly path: string, readonly method: string }[]
  /** The token's body as Keystone shows it, for checks on token.project.domain.id and the like. */
  readonly token?: Readonly<Record<string, unknown>>
}

/** What is acted upon: flat names (`project_id`, `target.user.id`, `network:tenant_id`) or nested objects; both are found. */
export type Target = Readonly<Record<string, unknown>>

/** A token's scope. One without any counts as a project's, as upstream. */
export type Scope = 'system' | 'domain' | 'project'

/** The scope of whoever asks. */
export function scopeOf(credentials: Credentials): Scope {
  return credentials.systemScope ? 'system' : credentials.domainId !== undefined ? 'domain' : 'project'
}

/** The credentials under upstream's names. A name without value is there as null: `domain_id:None` matches it. */
export function credentialNames(credentials: Credentials, isAdmin: boolean): Readonly<Record<string, unknown>> {
  const projectId = credentials.projectId ?? null
  return {
    user_id: credentials.userId, user: credentials.userId, user_name: credentials.userName ?? null, user_domain_id: credentials.userDomainId,
    project_id: projectId, tenant_id: projectId, project: projectId, tenant: projectId,
    project_name: credentials.projectName ?? null, project_domain_id: credentials.projectDomainId ?? null,
    domain_id: credentials.domainId ?? null, system_scope: credentials.systemScope ?? null,
    roles: credentials.roles, is_admin: isAdmin, is_admin_project: credentials.isAdminProject ?? true,
    service_roles: credentials.serviceRoles ?? [], service_user_id: credentials.serviceUserId ?? null, service_project_id: credentials.serviceProjectId ?? null,
    ...(credentials.token && { token: credentials.token }),
  }
}

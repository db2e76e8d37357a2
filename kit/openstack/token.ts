// A Keystone token's body, and the credentials it gives its bearer.
import type { Credentials } from '../policy/index.ts'

/** `{name, id}` of something in a domain. */
interface InDomain { id: string, name: string, domain: { id: string, name: string } }

/** The `token` member of Keystone's answers (API reference, "Validate and show information for token"). */
export interface TokenBody {
  methods: readonly string[]
  user: InDomain & { password_expires_at?: string | null }
  audit_ids: readonly string[]
  expires_at: string
  issued_at: string
  project?: InDomain
  domain?: { id: string, name: string }
  system?: { all: true }
  roles?: readonly { id: string, name: string }[]
  is_domain?: boolean
  is_admin_project?: boolean
  catalog?: readonly CatalogService[]
  /** Set when the token was had by a trust. */
  'OS-TRUST:trust'?: { id: string, trustor_user: { id: string }, trustee_user: { id: string }, impersonation: boolean }
  /** Set when the token was had by an application credential. */
  application_credential?: { id: string, name: string, restricted: boolean, access_rules?: readonly { id: string, service: string, path: string, method: string }[] }
}

/** One service of a catalog. */
export interface CatalogService {
  id: string
  type: string
  name: string
  endpoints: readonly { id: string, interface: 'public' | 'internal' | 'admin', region: string | null, region_id: string | null, url: string }[]
}

/** What a token lets its bearer ask as. */
export function credentialsFromToken(token: TokenBody): Credentials {
  return {
    userId: token.user.id, userName: token.user.name, userDomainId: token.user.domain.id,
    ...(token.project && { projectId: token.project.id, projectName: token.project.name, projectDomainId: token.project.domain.id }),
    ...(token.domain && { domainId: token.domain.id }),
    ...(token.system && { systemScope: 'all' as const }),
    roles: (token.roles ?? []).map(r => r.name),
    ...(token.is_admin_project !== undefined && { isAdminProject: token.is_admin_project }),
    ...(token.application_credential?.access_rules && { accessRules: token.application_credential.access_rules }),
    token: { ...token },
  }
}

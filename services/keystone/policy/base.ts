// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const ADMIN_REQUIRED = rule({ name: 'admin_required', check: 'role:admin or is_admin:1', description: 'Admin required' })
export const SERVICE_ROLE = rule({ name: 'service_role', check: 'role:service', description: 'Service role' })
export const SERVICE_OR_ADMIN = rule({ name: 'service_or_admin', check: 'rule:admin_required or rule:service_role', description: 'Service or admin' })
export const OWNER = rule({ name: 'owner', check: 'user_id:%(user_id)s', description: 'Owner' })
export const ADMIN_OR_OWNER = rule({ name: 'admin_or_owner', check: 'rule:admin_required or rule:owner', description: 'Admin or owner' })
export const TOKEN_SUBJECT = rule({ name: 'token_subject', check: 'user_id:%(target.token.user_id)s', description: 'Token subject' })
export const ADMIN_OR_TOKEN_SUBJECT = rule({ name: 'admin_or_token_subject', check: 'rule:admin_required or rule:token_subject', description: 'Admin or token subject' })
export const SERVICE_ADMIN_OR_TOKEN_SUBJECT = rule({ name: 'service_admin_or_token_subject', check: 'rule:service_or_admin or rule:token_subject', description: 'Service admin or token subject' })
export const DOMAIN_MANAGED_TARGET_ROLE = rule({ name: 'domain_managed_target_role', check: '\'manager\':%(target.role.name)s or \'member\':%(target.role.name)s or \'reader\':%(target.role.name)s', description: 'Domain managed target role' })

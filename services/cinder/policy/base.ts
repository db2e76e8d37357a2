// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const ADMIN_OR_OWNER = rule({ name: 'admin_or_owner', check: 'is_admin:True or (role:admin and is_admin_project:True) or project_id:%(project_id)s', description: 'Admin or owner' })
export const CONTEXT_IS_ADMIN = rule({ name: 'context_is_admin', check: 'role:admin', description: 'Context is admin' })
export const ADMIN_API = rule({ name: 'admin_api', check: 'is_admin:True or (role:admin and is_admin_project:True)', description: 'Admin api' })
export const XENA_SYSTEM_ADMIN_OR_PROJECT_READER = rule({ name: 'xena_system_admin_or_project_reader', check: '(role:admin) or (role:reader and project_id:%(project_id)s)', description: 'Xena system admin or project reader' })
export const XENA_SYSTEM_ADMIN_OR_PROJECT_MEMBER = rule({ name: 'xena_system_admin_or_project_member', check: '(role:admin) or (role:member and project_id:%(project_id)s)', description: 'Xena system admin or project member' })

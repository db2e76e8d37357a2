// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const CONTEXT_IS_ADMIN = rule({ name: 'context_is_admin', check: 'role:admin', legacy: 'is_admin:True', description: 'Context is admin' })
export const PROJECT_MEMBER_API = rule({ name: 'project_member_api', check: 'role:member and project_id:%(project_id)s', legacy: 'is_admin:True or project_id:%(project_id)s', description: 'Project member api' })
export const PROJECT_READER_API = rule({ name: 'project_reader_api', check: 'role:reader and project_id:%(project_id)s', legacy: 'is_admin:True or project_id:%(project_id)s', description: 'Project reader api' })
export const SERVICE_API = rule({ name: 'service_api', check: 'role:service', legacy: 'is_admin:True', description: 'Service api' })
export const PROJECT_MEMBER_OR_ADMIN = rule({ name: 'project_member_or_admin', check: 'rule:project_member_api or rule:context_is_admin', legacy: 'is_admin:True or project_id:%(project_id)s', description: 'Project member or admin' })
export const PROJECT_READER_OR_ADMIN = rule({ name: 'project_reader_or_admin', check: 'rule:project_reader_api or rule:context_is_admin', legacy: 'is_admin:True or project_id:%(project_id)s', description: 'Project reader or admin' })
export const SERVICE_OR_ADMIN = rule({ name: 'service_or_admin', check: 'rule:service_api or rule:context_is_admin', legacy: 'is_admin:True', description: 'Service or admin' })

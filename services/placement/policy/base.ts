// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const SERVICE_API = rule({ name: 'service_api', check: 'role:service', legacy: 'role:admin', description: 'Service api' })
export const ADMIN_OR_SERVICE_API = rule({ name: 'admin_or_service_api', check: 'role:admin or role:service', legacy: 'role:admin', description: 'Admin or service api' })
export const PROJECT_READER_API = rule({ name: 'project_reader_api', check: 'role:reader and project_id:%(project_id)s', legacy: 'role:admin', description: 'Project reader api' })
export const ADMIN_OR_PROJECT_READER_OR_SERVICE_API = rule({ name: 'admin_or_project_reader_or_service_api', check: 'role:admin or rule:project_reader_api or role:service', legacy: 'role:admin', description: 'Admin or project reader or service api' })

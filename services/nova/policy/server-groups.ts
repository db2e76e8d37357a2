// Who may see and make server groups.
import { rule } from '@alto/kit/policy'

export const CREATE = rule({ name: 'os_compute_api:os-server-groups:create', check: 'rule:project_member_or_admin', operations: ['POST /os-server-groups'], description: 'Create' })
export const DELETE = rule({ name: 'os_compute_api:os-server-groups:delete', check: 'rule:project_member_or_admin', operations: ['DELETE /os-server-groups/{server_group_id}'], description: 'Delete' })
export const INDEX = rule({ name: 'os_compute_api:os-server-groups:index', check: 'rule:project_reader_or_admin', operations: ['GET /os-server-groups'], description: 'Index' })
export const ALL_PROJECTS = rule({ name: 'os_compute_api:os-server-groups:index:all_projects', check: 'rule:context_is_admin', operations: ['GET /os-server-groups'], description: 'All projects' })
export const SHOW = rule({ name: 'os_compute_api:os-server-groups:show', check: 'rule:project_reader_or_admin', operations: ['GET /os-server-groups/{server_group_id}'], description: 'Show' })

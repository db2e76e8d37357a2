// Who may see and change a server's tags.
import { rule } from '@alto/kit/policy'

export const DELETE_ALL = rule({ name: 'os_compute_api:os-server-tags:delete_all', check: 'rule:project_member_or_admin', operations: ['DELETE /servers/{server_id}/tags'], description: 'Delete all' })
export const INDEX = rule({ name: 'os_compute_api:os-server-tags:index', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/tags'], description: 'Index' })
export const UPDATE_ALL = rule({ name: 'os_compute_api:os-server-tags:update_all', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}/tags'], description: 'Update all' })
export const DELETE = rule({ name: 'os_compute_api:os-server-tags:delete', check: 'rule:project_member_or_admin', operations: ['DELETE /servers/{server_id}/tags/{tag}'], description: 'Delete' })
export const UPDATE = rule({ name: 'os_compute_api:os-server-tags:update', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}/tags/{tag}'], description: 'Update' })
export const SHOW = rule({ name: 'os_compute_api:os-server-tags:show', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/tags/{tag}'], description: 'Show' })

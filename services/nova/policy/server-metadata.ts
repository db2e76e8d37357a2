// Who may see and change a server's metadata.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'os_compute_api:server-metadata:index', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/metadata'], description: 'Index' })
export const SHOW = rule({ name: 'os_compute_api:server-metadata:show', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/metadata/{key}'], description: 'Show' })
export const CREATE = rule({ name: 'os_compute_api:server-metadata:create', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/metadata'], description: 'Create' })
export const UPDATE_ALL = rule({ name: 'os_compute_api:server-metadata:update_all', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}/metadata'], description: 'Update all' })
export const UPDATE = rule({ name: 'os_compute_api:server-metadata:update', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}/metadata/{key}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:server-metadata:delete', check: 'rule:project_member_or_admin', operations: ['DELETE /servers/{server_id}/metadata/{key}'], description: 'Delete' })

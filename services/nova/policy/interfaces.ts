// Who may see and change a server's interfaces.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-attach-interfaces:list', formerly: 'os_compute_api:os-attach-interfaces', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/{server_id}/os-interface'], description: 'List' })
export const SHOW = rule({ name: 'os_compute_api:os-attach-interfaces:show', formerly: 'os_compute_api:os-attach-interfaces', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/{server_id}/os-interface/{port_id}'], description: 'Show' })
export const CREATE = rule({ name: 'os_compute_api:os-attach-interfaces:create', formerly: 'os_compute_api:os-attach-interfaces', check: 'rule:project_member_or_admin', legacy: 'rule:admin_or_owner', operations: ['POST /servers/{server_id}/os-interface'], description: 'Create' })
export const DELETE = rule({ name: 'os_compute_api:os-attach-interfaces:delete', formerly: 'os_compute_api:os-attach-interfaces', check: 'rule:project_member_or_admin', legacy: 'rule:admin_or_owner', operations: ['DELETE /servers/{server_id}/os-interface/{port_id}'], description: 'Delete' })

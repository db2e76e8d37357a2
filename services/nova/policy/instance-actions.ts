// Who may see what was done to a server.
import { rule } from '@alto/kit/policy'

export const DETAILS = rule({ name: 'os_compute_api:os-instance-actions:events:details', check: 'rule:context_is_admin', operations: ['GET /servers/{server_id}/os-instance-actions/{request_id}'], description: 'Details' })
export const EVENTS = rule({ name: 'os_compute_api:os-instance-actions:events', check: 'rule:context_is_admin', operations: ['GET /servers/{server_id}/os-instance-actions/{request_id}'], description: 'Events' })
export const LIST = rule({ name: 'os_compute_api:os-instance-actions:list', formerly: 'os_compute_api:os-instance-actions', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/{server_id}/os-instance-actions'], description: 'List' })
export const SHOW = rule({ name: 'os_compute_api:os-instance-actions:show', formerly: 'os_compute_api:os-instance-actions', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/{server_id}/os-instance-actions/{request_id}'], description: 'Show' })

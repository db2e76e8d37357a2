// Who may change which security groups a server has.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-security-groups:list', formerly: 'os_compute_api:os-security-groups', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/{server_id}/os-security-groups'], description: 'List' })
export const ADD = rule({ name: 'os_compute_api:os-security-groups:add', formerly: 'os_compute_api:os-security-groups', check: 'rule:project_member_or_admin', legacy: 'rule:admin_or_owner', operations: ['POST /servers/{server_id}/action (addSecurityGroup)'], description: 'Add' })
export const REMOVE = rule({ name: 'os_compute_api:os-security-groups:remove', formerly: 'os_compute_api:os-security-groups', check: 'rule:project_member_or_admin', legacy: 'rule:admin_or_owner', operations: ['POST /servers/{server_id}/action (removeSecurityGroup)'], description: 'Remove' })

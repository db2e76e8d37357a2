// Who may do what with servers.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'os_compute_api:servers:index', check: 'rule:project_reader_or_admin', operations: ['GET /servers'], description: 'Index' })
export const DETAIL = rule({ name: 'os_compute_api:servers:detail', check: 'rule:project_reader_or_admin', operations: ['GET /servers/detail'], description: 'Detail' })
export const SHOW = rule({ name: 'os_compute_api:servers:show', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}'], description: 'Show' })
export const UPDATE = rule({ name: 'os_compute_api:servers:update', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:servers:delete', check: 'rule:project_member_or_admin', operations: ['DELETE /servers/{server_id}'], description: 'Delete' })
export const REBOOT = rule({ name: 'os_compute_api:servers:reboot', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (reboot)'], description: 'Reboot' })
export const CREATE_IMAGE = rule({ name: 'os_compute_api:servers:create_image', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (createImage)'], description: 'Create image' })
export const CREATE_VOLUME_BACKED_IMAGE = rule({ name: 'os_compute_api:servers:create_image:allow_volume_backed', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (createImage)'], description: 'Create an image of a server that boots from a volume' })
export const START = rule({ name: 'os_compute_api:servers:start', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (os-start)'], description: 'Start' })
export const STOP = rule({ name: 'os_compute_api:servers:stop', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (os-stop)'], description: 'Stop' })
export const ALLOW_ALL_FILTERS = rule({ name: 'os_compute_api:servers:allow_all_filters', check: 'rule:context_is_admin', operations: ['GET /servers', 'GET /servers/detail'], description: 'Allow all filters' })
export const CREATE = rule({ name: 'os_compute_api:servers:create', check: 'rule:project_member_or_admin', operations: ['POST /servers'], description: 'Create' })
export const OS_EXTENDED_SERVER_ATTRIBUTES = rule({ name: 'os_compute_api:os-extended-server-attributes', check: 'rule:context_is_admin', operations: ['GET /servers/{id}', 'GET /servers/detail', 'PUT /servers/{server_id}', 'POST /servers/{server_id}/action (rebuild)'], description: 'Os-extended-server-attributes' })
export const INDEX_ALL_TENANTS = rule({ name: 'os_compute_api:servers:index:get_all_tenants', check: 'rule:context_is_admin', operations: ['GET /servers'], description: 'List servers of every project' })
export const DETAIL_ALL_TENANTS = rule({ name: 'os_compute_api:servers:detail:get_all_tenants', check: 'rule:context_is_admin', operations: ['GET /servers/detail'], description: 'List servers of every project with details' })

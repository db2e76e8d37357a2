// Who may see what of a server.
import { rule } from '@alto/kit/policy'

export const FLAVOR_EXTRA_SPECS = rule({ name: 'os_compute_api:servers:show:flavor-extra-specs', formerly: 'os_compute_api:os-flavor-extra-specs:index', check: 'rule:project_reader_or_admin', legacy: 'rule:admin_or_owner', operations: ['GET /servers/detail', 'GET /servers/{server_id}', 'PUT /servers/{server_id}', 'POST /servers/{server_id}/action (rebuild)'], description: 'Flavor-extra-specs' })
export const HOST_STATUS = rule({ name: 'os_compute_api:servers:show:host_status', check: 'rule:context_is_admin', operations: ['GET /servers/{server_id}', 'GET /servers/detail', 'PUT /servers/{server_id}', 'POST /servers/{server_id}/action (rebuild)'], description: 'Host status' })

// What a request for a server may ask for.
import { rule } from '@alto/kit/policy'

export const FORCED_HOST = rule({ name: 'os_compute_api:servers:create:forced_host', check: 'rule:context_is_admin', operations: ['POST /servers'], description: 'Forced host' })
export const REQUESTED_DESTINATION = rule({ name: 'compute:servers:create:requested_destination', check: 'rule:context_is_admin', operations: ['POST /servers'], description: 'Requested destination' })
export const ATTACH_VOLUME = rule({ name: 'os_compute_api:servers:create:attach_volume', check: 'rule:project_member_or_admin', operations: ['POST /servers'], description: 'Attach volume' })
export const ATTACH_NETWORK = rule({ name: 'os_compute_api:servers:create:attach_network', check: 'rule:project_member_or_admin', operations: ['POST /servers'], description: 'Attach network' })
export const ZERO_DISK_FLAVOR = rule({ name: 'os_compute_api:servers:create:zero_disk_flavor', check: 'rule:context_is_admin', operations: ['POST /servers'], description: 'Zero disk flavor' })
export const ATTACH_EXTERNAL_NETWORK = rule({ name: 'network:attach_external_network', check: 'rule:context_is_admin', operations: ['POST /servers', 'POST /servers/{server_id}/os-interface'], description: 'Attach external network' })

// Who may see and change host aggregates.
import { rule } from '@alto/kit/policy'

export const SET_METADATA = rule({ name: 'os_compute_api:os-aggregates:set_metadata', check: 'rule:context_is_admin', operations: ['POST /os-aggregates/{aggregate_id}/action (set_metadata)'], description: 'Set metadata' })
export const ADD_HOST = rule({ name: 'os_compute_api:os-aggregates:add_host', check: 'rule:context_is_admin', operations: ['POST /os-aggregates/{aggregate_id}/action (add_host)'], description: 'Add host' })
export const CREATE = rule({ name: 'os_compute_api:os-aggregates:create', check: 'rule:context_is_admin', operations: ['POST /os-aggregates'], description: 'Create' })
export const REMOVE_HOST = rule({ name: 'os_compute_api:os-aggregates:remove_host', check: 'rule:context_is_admin', operations: ['POST /os-aggregates/{aggregate_id}/action (remove_host)'], description: 'Remove host' })
export const UPDATE = rule({ name: 'os_compute_api:os-aggregates:update', check: 'rule:context_is_admin', operations: ['PUT /os-aggregates/{aggregate_id}'], description: 'Update' })
export const INDEX = rule({ name: 'os_compute_api:os-aggregates:index', check: 'rule:context_is_admin', operations: ['GET /os-aggregates'], description: 'Index' })
export const DELETE = rule({ name: 'os_compute_api:os-aggregates:delete', check: 'rule:context_is_admin', operations: ['DELETE /os-aggregates/{aggregate_id}'], description: 'Delete' })
export const SHOW = rule({ name: 'os_compute_api:os-aggregates:show', check: 'rule:context_is_admin', operations: ['GET /os-aggregates/{aggregate_id}'], description: 'Show' })

// Who may do what with the services of the catalog.
import { rule } from '@alto/kit/policy'

export const GET_SERVICE = rule({ name: 'identity:get_service', check: 'rule:admin_required or (role:reader and system_scope:all)', legacy: 'rule:admin_required', operations: ['GET /v3/services/{service_id}'], description: 'Get service' })
export const LIST_SERVICES = rule({ name: 'identity:list_services', check: 'rule:admin_required or (role:reader and system_scope:all)', legacy: 'rule:admin_required', operations: ['GET /v3/services'], description: 'List services' })
export const CREATE_SERVICE = rule({ name: 'identity:create_service', check: 'rule:admin_required', operations: ['POST /v3/services'], description: 'Create service' })
export const UPDATE_SERVICE = rule({ name: 'identity:update_service', check: 'rule:admin_required', operations: ['PATCH /v3/services/{service_id}'], description: 'Update service' })
export const DELETE_SERVICE = rule({ name: 'identity:delete_service', check: 'rule:admin_required', operations: ['DELETE /v3/services/{service_id}'], description: 'Delete service' })

// Who may do what with endpoints.
import { rule } from '@alto/kit/policy'

export const GET_ENDPOINT = rule({ name: 'identity:get_endpoint', check: 'rule:admin_required or (role:reader and system_scope:all)', legacy: 'rule:admin_required', operations: ['GET /v3/endpoints/{endpoint_id}'], description: 'Get endpoint' })
export const LIST_ENDPOINTS = rule({ name: 'identity:list_endpoints', check: 'rule:admin_required or (role:reader and system_scope:all)', legacy: 'rule:admin_required', operations: ['GET /v3/endpoints'], description: 'List endpoints' })
export const CREATE_ENDPOINT = rule({ name: 'identity:create_endpoint', check: 'rule:admin_required', operations: ['POST /v3/endpoints'], description: 'Create endpoint' })
export const UPDATE_ENDPOINT = rule({ name: 'identity:update_endpoint', check: 'rule:admin_required', operations: ['PATCH /v3/endpoints/{endpoint_id}'], description: 'Update endpoint' })
export const DELETE_ENDPOINT = rule({ name: 'identity:delete_endpoint', check: 'rule:admin_required', operations: ['DELETE /v3/endpoints/{endpoint_id}'], description: 'Delete endpoint' })

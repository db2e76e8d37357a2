// Who may do what with regions.
import { rule } from '@alto/kit/policy'

export const GET_REGION = rule({ name: 'identity:get_region', check: '', operations: ['GET /v3/regions/{region_id}', 'HEAD /v3/regions/{region_id}'], description: 'Get region' })
export const LIST_REGIONS = rule({ name: 'identity:list_regions', check: '', operations: ['GET /v3/regions', 'HEAD /v3/regions'], description: 'List regions' })
export const CREATE_REGION = rule({ name: 'identity:create_region', check: 'rule:admin_required', operations: ['POST /v3/regions', 'PUT /v3/regions/{region_id}'], description: 'Create region' })
export const UPDATE_REGION = rule({ name: 'identity:update_region', check: 'rule:admin_required', operations: ['PATCH /v3/regions/{region_id}'], description: 'Update region' })
export const DELETE_REGION = rule({ name: 'identity:delete_region', check: 'rule:admin_required', operations: ['DELETE /v3/regions/{region_id}'], description: 'Delete region' })

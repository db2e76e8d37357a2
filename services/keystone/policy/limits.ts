// Who may do what with registered limits and the limits of projects and domains.
import { rule } from '@alto/kit/policy'

export const GET_LIMIT_MODEL = rule({ name: 'identity:get_limit_model', check: '', operations: ['GET /v3/limits/model', 'HEAD /v3/limits/model'], description: 'Get limit model' })
export const GET_LIMIT = rule({ name: 'identity:get_limit', check: 'rule:admin_required or (role:reader and system_scope:all) or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)', operations: ['GET /v3/limits/{limit_id}', 'HEAD /v3/limits/{limit_id}'], description: 'Get limit' })
export const LIST_LIMITS = rule({ name: 'identity:list_limits', check: '', operations: ['GET /v3/limits', 'HEAD /v3/limits'], description: 'List limits' })
export const CREATE_LIMITS = rule({ name: 'identity:create_limits', check: 'rule:admin_required', operations: ['POST /v3/limits'], description: 'Create limits' })
export const UPDATE_LIMIT = rule({ name: 'identity:update_limit', check: 'rule:admin_required', operations: ['PATCH /v3/limits/{limit_id}'], description: 'Update limit' })
export const DELETE_LIMIT = rule({ name: 'identity:delete_limit', check: 'rule:admin_required', operations: ['DELETE /v3/limits/{limit_id}'], description: 'Delete limit' })
export const GET_REGISTERED_LIMIT = rule({ name: 'identity:get_registered_limit', check: '', operations: ['GET /v3/registered_limits/{registered_limit_id}', 'HEAD /v3/registered_limits/{registered_limit_id}'], description: 'Get registered limit' })
export const LIST_REGISTERED_LIMITS = rule({ name: 'identity:list_registered_limits', check: '', operations: ['GET /v3/registered_limits', 'HEAD /v3/registered_limits'], description: 'List registered limits' })
export const CREATE_REGISTERED_LIMITS = rule({ name: 'identity:create_registered_limits', check: 'rule:admin_required', operations: ['POST /v3/registered_limits'], description: 'Create registered limits' })
export const UPDATE_REGISTERED_LIMIT = rule({ name: 'identity:update_registered_limit', check: 'rule:admin_required', operations: ['PATCH /v3/registered_limits/{registered_limit_id}'], description: 'Update registered limit' })
export const DELETE_REGISTERED_LIMIT = rule({ name: 'identity:delete_registered_limit', check: 'rule:admin_required', operations: ['DELETE /v3/registered_limits/{registered_limit_id}'], description: 'Delete registered limit' })

// Who may do what with users.
import { rule } from '@alto/kit/policy'

export const GET_USER = rule({ name: 'identity:get_user', check: '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s', legacy: 'rule:admin_or_owner', operations: ['GET /v3/users/{user_id}', 'HEAD /v3/users/{user_id}'], description: 'Get user' })
export const LIST_USERS = rule({ name: 'identity:list_users', check: '(rule:admin_required) or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)', legacy: 'rule:admin_required', operations: ['GET /v3/users', 'HEAD /v3/users'], description: 'List users' })
export const CREATE_USER = rule({ name: 'identity:create_user', check: '(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)', legacy: 'rule:admin_required', operations: ['POST /v3/users'], description: 'Create user' })
export const UPDATE_USER = rule({ name: 'identity:update_user', check: '(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)', legacy: 'rule:admin_required', operations: ['PATCH /v3/users/{user_id}'], description: 'Update user' })
export const DELETE_USER = rule({ name: 'identity:delete_user', check: '(rule:admin_required) or (role:manager and token.domain.id:%(target.user.domain_id)s)', legacy: 'rule:admin_required', operations: ['DELETE /v3/users/{user_id}'], description: 'Delete user' })

// Who may see and remove access rules.
import { rule } from '@alto/kit/policy'

export const GET_ACCESS_RULE = rule({ name: 'identity:get_access_rule', check: '(role:reader and system_scope:all) or user_id:%(target.user.id)s', operations: ['GET /v3/users/{user_id}/access_rules/{access_rule_id}', 'HEAD /v3/users/{user_id}/access_rules/{access_rule_id}'], description: 'Get access rule' })
export const LIST_ACCESS_RULES = rule({ name: 'identity:list_access_rules', check: '(role:reader and system_scope:all) or user_id:%(target.user.id)s', operations: ['GET /v3/users/{user_id}/access_rules', 'HEAD /v3/users/{user_id}/access_rules'], description: 'List access rules' })
export const DELETE_ACCESS_RULE = rule({ name: 'identity:delete_access_rule', check: '(role:admin and system_scope:all) or user_id:%(target.user.id)s', operations: ['DELETE /v3/users/{user_id}/access_rules/{access_rule_id}'], description: 'Delete access rule' })

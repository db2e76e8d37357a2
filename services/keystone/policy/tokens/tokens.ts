// Who may see and end tokens, and what a token lets its bearer choose.
import { rule } from '@alto/kit/policy'

export const GET_AUTH_CATALOG = rule({ name: 'identity:get_auth_catalog', check: '', operations: ['GET /v3/auth/catalog', 'HEAD /v3/auth/catalog'], description: 'Get auth catalog' })
export const GET_AUTH_PROJECTS = rule({ name: 'identity:get_auth_projects', check: '', operations: ['GET /v3/auth/projects', 'HEAD /v3/auth/projects'], description: 'Get auth projects' })
export const GET_AUTH_DOMAINS = rule({ name: 'identity:get_auth_domains', check: '', operations: ['GET /v3/auth/domains', 'HEAD /v3/auth/domains'], description: 'Get auth domains' })
export const GET_AUTH_SYSTEM = rule({ name: 'identity:get_auth_system', check: '', operations: ['GET /v3/auth/system', 'HEAD /v3/auth/system'], description: 'Get auth system' })
export const CHECK_TOKEN = rule({ name: 'identity:check_token', check: 'rule:admin_required or (role:reader and system_scope:all) or rule:token_subject', legacy: 'rule:admin_or_token_subject', operations: ['HEAD /v3/auth/tokens'], description: 'Check token' })
export const VALIDATE_TOKEN = rule({ name: 'identity:validate_token', check: 'rule:admin_required or (role:reader and system_scope:all) or rule:service_role or rule:token_subject', legacy: 'rule:service_admin_or_token_subject', operations: ['GET /v3/auth/tokens'], description: 'Validate token' })
export const REVOKE_TOKEN = rule({ name: 'identity:revoke_token', check: 'rule:admin_required or rule:token_subject', legacy: 'rule:admin_or_token_subject', operations: ['DELETE /v3/auth/tokens'], description: 'Revoke token' })

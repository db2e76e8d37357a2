// Who may do what with domains.
import { rule } from '@alto/kit/policy'

export const GET_DOMAIN = rule({ name: 'identity:get_domain', check: 'rule:admin_required or (role:reader and system_scope:all) or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s', legacy: 'rule:admin_required or token.project.domain.id:%(target.domain.id)s', operations: ['GET /v3/domains/{domain_id}'], description: 'Get domain' })
export const LIST_DOMAINS = rule({ name: 'identity:list_domains', check: 'rule:admin_required or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain.id)s)', legacy: 'rule:admin_required', operations: ['GET /v3/domains'], description: 'List domains' })
export const CREATE_DOMAIN = rule({ name: 'identity:create_domain', check: 'rule:admin_required', operations: ['POST /v3/domains'], description: 'Create domain' })
export const UPDATE_DOMAIN = rule({ name: 'identity:update_domain', check: 'rule:admin_required', operations: ['PATCH /v3/domains/{domain_id}'], description: 'Update domain' })
export const DELETE_DOMAIN = rule({ name: 'identity:delete_domain', check: 'rule:admin_required', operations: ['DELETE /v3/domains/{domain_id}'], description: 'Delete domain' })

// Who may do what with resource providers.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:resource_providers:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers'], description: 'List' })
export const CREATE = rule({ name: 'placement:resource_providers:create', check: 'rule:admin_or_service_api', operations: ['POST /resource_providers'], description: 'Create' })
export const SHOW = rule({ name: 'placement:resource_providers:show', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}'], description: 'Show' })
export const UPDATE = rule({ name: 'placement:resource_providers:update', check: 'rule:admin_or_service_api', operations: ['PUT /resource_providers/{uuid}'], description: 'Update' })
export const REMOVE = rule({ name: 'placement:resource_providers:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /resource_providers/{uuid}'], description: 'Delete' })

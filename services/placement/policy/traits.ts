// Who may do what with traits.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:traits:list', check: 'rule:admin_or_service_api', operations: ['GET /traits'], description: 'List' })
export const SHOW = rule({ name: 'placement:traits:show', check: 'rule:admin_or_service_api', operations: ['GET /traits/{name}'], description: 'Show' })
export const UPDATE = rule({ name: 'placement:traits:update', check: 'rule:admin_or_service_api', operations: ['PUT /traits/{name}'], description: 'Update' })
export const REMOVE = rule({ name: 'placement:traits:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /traits/{name}'], description: 'Delete' })
export const LIST_OF_PROVIDER = rule({ name: 'placement:resource_providers:traits:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/traits'], description: 'List' })
export const UPDATE_OF_PROVIDER = rule({ name: 'placement:resource_providers:traits:update', check: 'rule:admin_or_service_api', operations: ['PUT /resource_providers/{uuid}/traits'], description: 'Update' })
export const REMOVE_OF_PROVIDER = rule({ name: 'placement:resource_providers:traits:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /resource_providers/{uuid}/traits'], description: 'Delete' })

// Who may do what with inventories.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:resource_providers:inventories:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/inventories'], description: 'List' })
export const CREATE = rule({ name: 'placement:resource_providers:inventories:create', check: 'rule:admin_or_service_api', operations: ['POST /resource_providers/{uuid}/inventories'], description: 'Create' })
export const SHOW = rule({ name: 'placement:resource_providers:inventories:show', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/inventories/{resource_class}'], description: 'Show' })
export const UPDATE = rule({ name: 'placement:resource_providers:inventories:update', check: 'rule:admin_or_service_api', operations: ['PUT /resource_providers/{uuid}/inventories', 'PUT /resource_providers/{uuid}/inventories/{resource_class}'], description: 'Update' })
export const REMOVE = rule({ name: 'placement:resource_providers:inventories:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /resource_providers/{uuid}/inventories', 'DELETE /resource_providers/{uuid}/inventories/{resource_class}'], description: 'Delete' })

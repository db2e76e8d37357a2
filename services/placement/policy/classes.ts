// Who may do what with resource classes.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:resource_classes:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_classes'], description: 'List' })
export const CREATE = rule({ name: 'placement:resource_classes:create', check: 'rule:admin_or_service_api', operations: ['POST /resource_classes'], description: 'Create' })
export const SHOW = rule({ name: 'placement:resource_classes:show', check: 'rule:admin_or_service_api', operations: ['GET /resource_classes/{name}'], description: 'Show' })
export const UPDATE = rule({ name: 'placement:resource_classes:update', check: 'rule:admin_or_service_api', operations: ['PUT /resource_classes/{name}'], description: 'Update' })
export const REMOVE = rule({ name: 'placement:resource_classes:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /resource_classes/{name}'], description: 'Delete' })

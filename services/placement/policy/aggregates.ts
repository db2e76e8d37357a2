// Who may do what with aggregates.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:resource_providers:aggregates:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/aggregates'], description: 'List' })
export const UPDATE = rule({ name: 'placement:resource_providers:aggregates:update', check: 'rule:admin_or_service_api', operations: ['PUT /resource_providers/{uuid}/aggregates'], description: 'Update' })

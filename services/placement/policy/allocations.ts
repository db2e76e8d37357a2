// Who may do what with allocations.
import { rule } from '@alto/kit/policy'

export const MANAGE = rule({ name: 'placement:allocations:manage', check: 'rule:admin_or_service_api', operations: ['POST /allocations'], description: 'Manage' })
export const LIST = rule({ name: 'placement:allocations:list', check: 'rule:admin_or_service_api', operations: ['GET /allocations/{consumer_uuid}'], description: 'List' })
export const UPDATE = rule({ name: 'placement:allocations:update', check: 'rule:admin_or_service_api', operations: ['PUT /allocations/{consumer_uuid}'], description: 'Update' })
export const REMOVE = rule({ name: 'placement:allocations:delete', check: 'rule:admin_or_service_api', operations: ['DELETE /allocations/{consumer_uuid}'], description: 'Delete' })
export const LIST_OF_PROVIDER = rule({ name: 'placement:resource_providers:allocations:list', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/allocations'], description: 'List' })
export const RESHAPE = rule({ name: 'placement:reshaper:reshape', check: 'rule:service_api', operations: ['POST /reshaper'], description: 'Reshape' })

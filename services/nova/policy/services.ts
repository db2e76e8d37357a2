// Who may see and change compute services.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-services:list', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /os-services'], description: 'List' })
export const UPDATE = rule({ name: 'os_compute_api:os-services:update', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['PUT /os-services/{service_id}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:os-services:delete', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['DELETE /os-services/{service_id}'], description: 'Delete' })

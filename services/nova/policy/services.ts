// Who may see and change compute services.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-services:list', formerly: 'os_compute_api:os-services', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /os-services'], description: 'List' })
export const UPDATE = rule({ name: 'os_compute_api:os-services:update', formerly: 'os_compute_api:os-services', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['PUT /os-services/{service_id}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:os-services:delete', formerly: 'os_compute_api:os-services', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['DELETE /os-services/{service_id}'], description: 'Delete' })

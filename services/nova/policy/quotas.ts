// Who may see and change quotas.
import { rule } from '@alto/kit/policy'

export const UPDATE = rule({ name: 'os_compute_api:os-quota-sets:update', check: 'rule:context_is_admin', operations: ['PUT /os-quota-sets/{tenant_id}'], description: 'Update' })
export const DEFAULTS = rule({ name: 'os_compute_api:os-quota-sets:defaults', check: '@', operations: ['GET /os-quota-sets/{tenant_id}/defaults'], description: 'Defaults' })
export const SHOW = rule({ name: 'os_compute_api:os-quota-sets:show', check: 'rule:project_reader_or_admin', operations: ['GET /os-quota-sets/{tenant_id}'], description: 'Show' })
export const DELETE = rule({ name: 'os_compute_api:os-quota-sets:delete', check: 'rule:context_is_admin', operations: ['DELETE /os-quota-sets/{tenant_id}'], description: 'Delete' })
export const DETAIL = rule({ name: 'os_compute_api:os-quota-sets:detail', check: 'rule:project_reader_or_admin', operations: ['GET /os-quota-sets/{tenant_id}/detail'], description: 'Detail' })

// Who may see and change quotas.
import { rule } from '@alto/kit/policy'

export const SHOW = rule({ name: 'volume_extension:quotas:show', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /os-quota-sets/{project_id}', 'GET /os-quota-sets/{project_id}/default', 'GET /os-quota-sets/{project_id}?usage=True'], description: 'Show' })
export const UPDATE = rule({ name: 'volume_extension:quotas:update', check: 'rule:admin_api', operations: ['PUT /os-quota-sets/{project_id}'], description: 'Update' })
export const DELETE = rule({ name: 'volume_extension:quotas:delete', check: 'rule:admin_api', operations: ['DELETE /os-quota-sets/{project_id}'], description: 'Delete' })
export const USED_LIMITS = rule({ name: 'limits_extension:used_limits', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /limits'], description: 'Used limits' })

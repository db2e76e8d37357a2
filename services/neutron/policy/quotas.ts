// Who may see and set quotas.
import { rule } from '@alto/kit/policy'

export const GET_QUOTA = rule({ name: 'get_quota', check: '(rule:admin_only) or (role:manager and project_id:%(project_id)s)', legacy: 'rule:admin_only', operations: ['GET /quota', 'GET /quota/{id}'], description: 'Get quota' })
export const UPDATE_QUOTA = rule({ name: 'update_quota', check: 'rule:admin_only', operations: ['PUT /quota/{id}'], description: 'Update quota' })
export const DELETE_QUOTA = rule({ name: 'delete_quota', check: 'rule:admin_only', operations: ['DELETE /quota/{id}'], description: 'Delete quota' })

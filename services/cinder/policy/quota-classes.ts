// Who may see and change default quotas.
import { rule } from '@alto/kit/policy'

export const GET = rule({ name: 'volume_extension:quota_classes:get', formerly: 'volume_extension:quota_classes', check: 'rule:admin_api', operations: ['GET /os-quota-class-sets/{project_id}'], description: 'Get' })
export const UPDATE = rule({ name: 'volume_extension:quota_classes:update', formerly: 'volume_extension:quota_classes', check: 'rule:admin_api', operations: ['PUT /os-quota-class-sets/{project_id}'], description: 'Update' })

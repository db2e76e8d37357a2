// Who may see the hosts of volumes.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'volume_extension:services:index', check: 'rule:admin_api', operations: ['GET /os-services'], description: 'Index' })
export const UPDATE = rule({ name: 'volume_extension:services:update', check: 'rule:admin_api', operations: ['PUT /os-services/{action}'], description: 'Update' })
export const GET_POOLS = rule({ name: 'scheduler_extension:scheduler_stats:get_pools', check: 'rule:admin_api', operations: ['GET /scheduler-stats/get_pools'], description: 'Get pools' })

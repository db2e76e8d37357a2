// Who may ask for allocation candidates.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'placement:allocation_candidates:list', check: 'rule:admin_or_service_api', operations: ['GET /allocation_candidates'], description: 'List' })

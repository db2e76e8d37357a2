// Who may see limits.
import { rule } from '@alto/kit/policy'

export const LIMITS = rule({ name: 'os_compute_api:limits', check: '@', operations: ['GET /limits'], description: 'Limits' })
export const OTHER_PROJECT = rule({ name: 'os_compute_api:limits:other_project', formerly: 'os_compute_api:os-used-limits', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /limits'], description: 'Other project' })

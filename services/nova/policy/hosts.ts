// Who may see compute hosts.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-hypervisors:list', formerly: 'os_compute_api:os-hypervisors', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /os-hypervisors'], description: 'List' })
export const LIST_DETAIL = rule({ name: 'os_compute_api:os-hypervisors:list-detail', formerly: 'os_compute_api:os-hypervisors', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /os-hypervisors/details'], description: 'List-detail' })
export const SHOW = rule({ name: 'os_compute_api:os-hypervisors:show', formerly: 'os_compute_api:os-hypervisors', check: 'rule:context_is_admin', legacy: 'rule:admin_api', operations: ['GET /os-hypervisors/{hypervisor_id}'], description: 'Show' })

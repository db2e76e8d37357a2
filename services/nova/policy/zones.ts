// Who may see availability zones.
import { rule } from '@alto/kit/policy'

export const LIST = rule({ name: 'os_compute_api:os-availability-zone:list', check: '@', operations: ['GET /os-availability-zone'], description: 'List' })
export const DETAIL = rule({ name: 'os_compute_api:os-availability-zone:detail', check: 'rule:context_is_admin', operations: ['GET /os-availability-zone/detail'], description: 'Detail' })

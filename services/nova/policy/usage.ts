// Who may see what was used.
import { rule } from '@alto/kit/policy'

export const SHOW = rule({ name: 'os_compute_api:os-simple-tenant-usage:show', check: 'rule:project_reader_or_admin', operations: ['GET /os-simple-tenant-usage/{tenant_id}'], description: 'Show' })
export const LIST = rule({ name: 'os_compute_api:os-simple-tenant-usage:list', check: 'rule:context_is_admin', operations: ['GET /os-simple-tenant-usage'], description: 'List' })

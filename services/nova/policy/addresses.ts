// Who may see a server's addresses.
import { rule } from '@alto/kit/policy'

export const SHOW = rule({ name: 'os_compute_api:ips:show', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/ips/{network_label}'], description: 'Show' })
export const INDEX = rule({ name: 'os_compute_api:ips:index', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/ips'], description: 'Index' })

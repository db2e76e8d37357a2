// Who may have volumes of servers copied: the block storage service.
import { rule } from '@alto/kit/policy'

export const CREATE = rule({ name: 'os_compute_api:os-assisted-volume-snapshots:create', check: 'rule:service_or_admin', operations: ['POST /os-assisted-volume-snapshots'], description: 'Create an assisted volume snapshot' })
export const DELETE = rule({ name: 'os_compute_api:os-assisted-volume-snapshots:delete', check: 'rule:service_or_admin', operations: ['DELETE /os-assisted-volume-snapshots/{snapshot_id}'], description: 'Delete an assisted volume snapshot' })

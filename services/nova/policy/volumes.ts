// Who may see and change a server's volumes.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'os_compute_api:os-volumes-attachments:index', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/os-volume_attachments'], description: 'Index' })
export const SHOW = rule({ name: 'os_compute_api:os-volumes-attachments:show', check: 'rule:project_reader_or_admin', operations: ['GET /servers/{server_id}/os-volume_attachments/{volume_id}'], description: 'Show' })
export const CREATE = rule({ name: 'os_compute_api:os-volumes-attachments:create', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/os-volume_attachments'], description: 'Create' })
export const UPDATE = rule({ name: 'os_compute_api:os-volumes-attachments:update', check: 'rule:project_member_or_admin', operations: ['PUT /servers/{server_id}/os-volume_attachments/{volume_id}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:os-volumes-attachments:delete', check: 'rule:project_member_or_admin', operations: ['DELETE /servers/{server_id}/os-volume_attachments/{volume_id}'], description: 'Delete' })

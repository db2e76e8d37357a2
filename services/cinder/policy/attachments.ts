// Who may do what with attachments.
import { rule } from '@alto/kit/policy'

export const ATTACHMENT_CREATE = rule({ name: 'volume:attachment_create', check: 'rule:xena_system_admin_or_project_member', legacy: '', operations: ['POST /attachments'], description: 'Attachment create' })
export const ATTACHMENT_UPDATE = rule({ name: 'volume:attachment_update', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['PUT /attachments/{attachment_id}'], description: 'Attachment update' })
export const ATTACHMENT_DELETE = rule({ name: 'volume:attachment_delete', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['DELETE /attachments/{attachment_id}'], description: 'Attachment delete' })
export const ATTACHMENT_COMPLETE = rule({ name: 'volume:attachment_complete', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['POST /attachments/{attachment_id}/action (os-complete)'], description: 'Attachment complete' })
export const MULTIATTACH_BOOTABLE_VOLUME = rule({ name: 'volume:multiattach_bootable_volume', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['POST /attachments'], description: 'Multiattach bootable volume' })

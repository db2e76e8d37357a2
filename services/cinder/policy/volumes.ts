// Who may do what with volumes.
import { rule } from '@alto/kit/policy'

export const CREATE = rule({ name: 'volume:create', check: 'rule:xena_system_admin_or_project_member', legacy: '', operations: ['POST /volumes'], description: 'Create' })
export const CREATE_FROM_IMAGE = rule({ name: 'volume:create_from_image', check: 'rule:xena_system_admin_or_project_member', legacy: '', operations: ['POST /volumes'], description: 'Create from image' })
export const GET = rule({ name: 'volume:get', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /volumes/{volume_id}'], description: 'Get' })
export const GET_ALL = rule({ name: 'volume:get_all', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /volumes', 'GET /volumes/detail', 'GET /volumes/summary'], description: 'Get all' })
export const UPDATE = rule({ name: 'volume:update', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['PUT /volumes', 'POST /volumes/{volume_id}/action (os-set_bootable)'], description: 'Update' })
export const DELETE = rule({ name: 'volume:delete', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['DELETE /volumes/{volume_id}'], description: 'Delete' })
export const FORCE_DELETE = rule({ name: 'volume:force_delete', check: 'rule:admin_api', operations: ['DELETE /volumes/{volume_id}'], description: 'Force delete' })
export const MULTIATTACH = rule({ name: 'volume:multiattach', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['POST /volumes'], description: 'Multiattach' })
export const VOLUME_HOST_ATTRIBUTE = rule({ name: 'volume_extension:volume_host_attribute', check: 'rule:admin_api', operations: ['GET /volumes/{volume_id}', 'GET /volumes/detail'], description: 'Volume host attribute' })
export const VOLUME_TENANT_ATTRIBUTE = rule({ name: 'volume_extension:volume_tenant_attribute', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /volumes/{volume_id}', 'GET /volumes/detail'], description: 'Volume tenant attribute' })
export const VOLUME_MIG_STATUS_ATTRIBUTE = rule({ name: 'volume_extension:volume_mig_status_attribute', check: 'rule:admin_api', operations: ['GET /volumes/{volume_id}', 'GET /volumes/detail'], description: 'Volume mig status attribute' })
export const IMAGE_METADATA = rule({ name: 'volume_extension:volume_image_metadata:show', formerly: 'volume_extension:volume_image_metadata', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /volumes/detail', 'GET /volumes/{volume_id}'], description: 'Show' })

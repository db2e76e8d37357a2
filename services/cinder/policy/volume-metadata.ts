// Who may do what with volumes' metadata.
import { rule } from '@alto/kit/policy'

export const GET_VOLUME_METADATA = rule({ name: 'volume:get_volume_metadata', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_or_owner', operations: ['GET /volumes/{volume_id}/metadata', 'GET /volumes/{volume_id}/metadata/{key}', 'POST /volumes/{volume_id}/action  (os-show_image_metadata)'], description: 'Get volume metadata' })
export const CREATE_VOLUME_METADATA = rule({ name: 'volume:create_volume_metadata', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['POST /volumes/{volume_id}/metadata'], description: 'Create volume metadata' })
export const UPDATE_VOLUME_METADATA = rule({ name: 'volume:update_volume_metadata', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['PUT /volumes/{volume_id}/metadata', 'PUT /volumes/{volume_id}/metadata/{key}'], description: 'Update volume metadata' })
export const DELETE_VOLUME_METADATA = rule({ name: 'volume:delete_volume_metadata', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['DELETE /volumes/{volume_id}/metadata/{key}'], description: 'Delete volume metadata' })

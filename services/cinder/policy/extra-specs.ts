// Who may do what with the extra specs of volume types.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'volume_extension:types_extra_specs:index', check: 'rule:xena_system_admin_or_project_reader', legacy: '', operations: ['GET /types/{type_id}/extra_specs'], description: 'Index' })
export const CREATE = rule({ name: 'volume_extension:types_extra_specs:create', check: 'rule:admin_api', operations: ['POST /types/{type_id}/extra_specs'], description: 'Create' })
export const SHOW = rule({ name: 'volume_extension:types_extra_specs:show', check: 'rule:xena_system_admin_or_project_reader', legacy: '', operations: ['GET /types/{type_id}/extra_specs/{extra_spec_key}'], description: 'Show' })
export const READ_SENSITIVE = rule({ name: 'volume_extension:types_extra_specs:read_sensitive', check: 'rule:admin_api', operations: ['GET /types', 'GET /types/{type_id}', 'GET /types/{type_id}/extra_specs', 'GET /types/{type_id}/extra_specs/{extra_spec_key}'], description: 'Read sensitive' })
export const UPDATE = rule({ name: 'volume_extension:types_extra_specs:update', check: 'rule:admin_api', operations: ['PUT /types/{type_id}/extra_specs/{extra_spec_key}'], description: 'Update' })
export const DELETE = rule({ name: 'volume_extension:types_extra_specs:delete', check: 'rule:admin_api', operations: ['DELETE /types/{type_id}/extra_specs/{extra_spec_key}'], description: 'Delete' })

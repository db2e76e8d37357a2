// Who may do what with volume types.
import { rule } from '@alto/kit/policy'

export const TYPE_CREATE = rule({ name: 'volume_extension:type_create', formerly: 'volume_extension:types_manage', check: 'rule:admin_api', operations: ['POST /types'], description: 'Type create' })
export const TYPE_UPDATE = rule({ name: 'volume_extension:type_update', formerly: 'volume_extension:types_manage', check: 'rule:admin_api', operations: ['PUT /types'], description: 'Type update' })
export const TYPE_DELETE = rule({ name: 'volume_extension:type_delete', formerly: 'volume_extension:types_manage', check: 'rule:admin_api', operations: ['DELETE /types'], description: 'Type delete' })
export const TYPE_GET = rule({ name: 'volume_extension:type_get', check: 'rule:xena_system_admin_or_project_reader', legacy: '', operations: ['GET /types/{type_id}'], description: 'Type get' })
export const TYPE_GET_ALL = rule({ name: 'volume_extension:type_get_all', check: 'rule:xena_system_admin_or_project_reader', legacy: '', operations: ['GET /types/'], description: 'Type get all' })
export const ACCESS_TYPES_EXTRA_SPECS = rule({ name: 'volume_extension:access_types_extra_specs', check: 'rule:xena_system_admin_or_project_reader', legacy: 'rule:admin_api', operations: ['GET /types/{type_id}', 'GET /types'], description: 'Access types extra specs' })
export const VOLUME_TYPE_ACCESS = rule({ name: 'volume_extension:volume_type_access', check: 'rule:xena_system_admin_or_project_member', legacy: 'rule:admin_or_owner', operations: ['GET /types', 'GET /types/{type_id}', 'POST /types'], description: 'Volume type access' })

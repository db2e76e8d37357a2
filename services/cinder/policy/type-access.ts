// Who may say which projects see a private volume type.
import { rule } from '@alto/kit/policy'

export const ADDPROJECTACCESS = rule({ name: 'volume_extension:volume_type_access:addProjectAccess', check: 'rule:admin_api', operations: ['POST /types/{type_id}/action (addProjectAccess)'], description: 'AddProjectAccess' })
export const REMOVEPROJECTACCESS = rule({ name: 'volume_extension:volume_type_access:removeProjectAccess', check: 'rule:admin_api', operations: ['POST /types/{type_id}/action (removeProjectAccess)'], description: 'RemoveProjectAccess' })
export const GET_ALL_FOR_TYPE = rule({ name: 'volume_extension:volume_type_access:get_all_for_type', check: 'rule:admin_api', legacy: 'volume_extension:volume_type_access', operations: ['GET /types/{type_id}/os-volume-type-access'], description: 'Get all for type' })

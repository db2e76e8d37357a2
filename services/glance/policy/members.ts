// Who may do what with the members of shared images.
import { rule } from '@alto/kit/policy'

export const ADD_MEMBER = rule({ name: 'add_member', check: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)', legacy: 'rule:default', operations: ['POST /v2/images/{image_id}/members'], description: 'Add member' })
export const DELETE_MEMBER = rule({ name: 'delete_member', check: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)', legacy: 'rule:default', operations: ['DELETE /v2/images/{image_id}/members/{member_id}'], description: 'Delete member' })
export const GET_MEMBER = rule({ name: 'get_member', check: 'rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)', legacy: 'rule:default', operations: ['GET /v2/images/{image_id}/members/{member_id}'], description: 'Get member' })
export const GET_MEMBERS = rule({ name: 'get_members', check: 'rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)', legacy: 'rule:default', operations: ['GET /v2/images/{image_id}/members'], description: 'Get members' })
export const MODIFY_MEMBER = rule({ name: 'modify_member', check: 'rule:context_is_admin or (role:member and project_id:%(member_id)s)', legacy: 'rule:default', operations: ['PUT /v2/images/{image_id}/members/{member_id}'], description: 'Modify member' })

// Who may do what with credentials.
import { rule } from '@alto/kit/policy'

export const GET_CREDENTIAL = rule({ name: 'identity:get_credential', check: '(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s', legacy: 'rule:admin_required', operations: ['GET /v3/credentials/{credential_id}'], description: 'Show a credential' })
export const LIST_CREDENTIALS = rule({ name: 'identity:list_credentials', check: '(rule:admin_required) or (role:reader and system_scope:all) or user_id:%(target.credential.user_id)s', legacy: 'rule:admin_required', operations: ['GET /v3/credentials'], description: 'List credentials' })
export const CREATE_CREDENTIAL = rule({ name: 'identity:create_credential', check: '(rule:admin_required) or user_id:%(target.credential.user_id)s', legacy: 'rule:admin_required', operations: ['POST /v3/credentials'], description: 'Make a credential' })
export const UPDATE_CREDENTIAL = rule({ name: 'identity:update_credential', check: '(rule:admin_required) or user_id:%(target.credential.user_id)s', legacy: 'rule:admin_required', operations: ['PATCH /v3/credentials/{credential_id}'], description: 'Change the blob of a credential' })
export const DELETE_CREDENTIAL = rule({ name: 'identity:delete_credential', check: '(rule:admin_required) or user_id:%(target.credential.user_id)s', legacy: 'rule:admin_required', operations: ['DELETE /v3/credentials/{credential_id}'], description: 'Remove a credential' })

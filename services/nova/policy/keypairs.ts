// Who may see and make key pairs.
import { rule } from '@alto/kit/policy'

export const INDEX = rule({ name: 'os_compute_api:os-keypairs:index', check: '(rule:context_is_admin) or user_id:%(user_id)s', operations: ['GET /os-keypairs'], description: 'Index' })
export const CREATE = rule({ name: 'os_compute_api:os-keypairs:create', check: '(rule:context_is_admin) or user_id:%(user_id)s', operations: ['POST /os-keypairs'], description: 'Create' })
export const DELETE = rule({ name: 'os_compute_api:os-keypairs:delete', check: '(rule:context_is_admin) or user_id:%(user_id)s', operations: ['DELETE /os-keypairs/{keypair_name}'], description: 'Delete' })
export const SHOW = rule({ name: 'os_compute_api:os-keypairs:show', check: '(rule:context_is_admin) or user_id:%(user_id)s', operations: ['GET /os-keypairs/{keypair_name}'], description: 'Show' })

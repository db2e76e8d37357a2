// Who may read what was revoked.
import { rule } from '@alto/kit/policy'

export const LIST_REVOKE_EVENTS = rule({ name: 'identity:list_revoke_events', check: 'rule:service_or_admin', operations: ['GET /v3/OS-REVOKE/events'], description: 'List revoke events' })
export const REVOCATION_LIST = rule({ name: 'identity:revocation_list', check: 'rule:service_or_admin', operations: ['GET /v3/auth/tokens/OS-PKI/revoked'], description: 'Revocation list' })

// Who may open a server's console, and who may ask what a token opens.
import { rule } from '@alto/kit/policy'

export const REMOTE = rule({
  name: 'os_compute_api:os-remote-consoles', check: 'rule:project_member_or_admin', description: 'Os-remote-consoles',
  operations: ['POST /servers/{server_id}/action (os-getSerialConsole)', 'POST /servers/{server_id}/action (os-getSPICEConsole)', 'POST /servers/{server_id}/action (os-getVNCConsole)', 'POST /servers/{server_id}/remote-consoles'],
})
export const AUTH_TOKENS = rule({ name: 'os_compute_api:os-console-auth-tokens', check: 'rule:context_is_admin', operations: ['GET /os-console-auth-tokens/{console_token}'], description: 'Os-console-auth-tokens' })

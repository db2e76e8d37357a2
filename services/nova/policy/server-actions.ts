// Who may do what to a running server.
import { rule } from '@alto/kit/policy'

export const RESET_STATE = rule({ name: 'os_compute_api:os-admin-actions:reset_state', check: 'rule:context_is_admin', operations: ['POST /servers/{server_id}/action (os-resetState)'], description: 'Reset state' })
export const OS_CONSOLE_OUTPUT = rule({ name: 'os_compute_api:os-console-output', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (os-getConsoleOutput)'], description: 'Os-console-output' })
export const FORCE = rule({ name: 'os_compute_api:os-deferred-delete:force', formerly: 'os_compute_api:os-deferred-delete', check: 'rule:project_member_or_admin', legacy: 'rule:admin_or_owner', operations: ['POST /servers/{server_id}/action (forceDelete)'], description: 'Force' })
export const LOCK = rule({ name: 'os_compute_api:os-lock-server:lock', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (lock)'], description: 'Lock' })
export const UNLOCK = rule({ name: 'os_compute_api:os-lock-server:unlock', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (unlock)'], description: 'Unlock' })
export const UNLOCK_OVERRIDE = rule({ name: 'os_compute_api:os-lock-server:unlock:unlock_override', check: 'rule:context_is_admin', operations: ['POST /servers/{server_id}/action (unlock)'], description: 'Unlock override' })
export const PAUSE = rule({ name: 'os_compute_api:os-pause-server:pause', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (pause)'], description: 'Pause' })
export const UNPAUSE = rule({ name: 'os_compute_api:os-pause-server:unpause', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (unpause)'], description: 'Unpause' })
export const SUSPEND = rule({ name: 'os_compute_api:os-suspend-server:suspend', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (suspend)'], description: 'Suspend' })
export const RESUME = rule({ name: 'os_compute_api:os-suspend-server:resume', check: 'rule:project_member_or_admin', operations: ['POST /servers/{server_id}/action (resume)'], description: 'Resume' })

// Who may do what with tasks. Since Xena only tasks_api_access is asked; the others are kept because policy files may name them.
import { rule } from '@alto/kit/policy'

export const GET_TASK = rule({ name: 'get_task', check: 'rule:default', operations: ['GET /v2/tasks/{task_id}'], description: 'Get task' })
export const GET_TASKS = rule({ name: 'get_tasks', check: 'rule:default', operations: ['GET /v2/tasks'], description: 'Get tasks' })
export const ADD_TASK = rule({ name: 'add_task', check: 'rule:default', operations: ['POST /v2/tasks'], description: 'Add task' })
export const MODIFY_TASK = rule({ name: 'modify_task', check: 'rule:default', operations: ['DELETE /v2/tasks/{task_id}'], description: 'Modify task' })
export const TASKS_API_ACCESS = rule({ name: 'tasks_api_access', check: 'rule:context_is_admin', operations: ['GET /v2/tasks/{task_id}', 'GET /v2/tasks', 'POST /v2/tasks', 'DELETE /v2/tasks/{task_id}'], description: 'Tasks api access' })

// Who may tell events, and who may list extensions.
import { rule } from '@alto/kit/policy'

export const CREATE = rule({ name: 'os_compute_api:os-server-external-events:create', check: 'rule:service_or_admin', operations: ['POST /os-server-external-events'], description: 'Create' })
export const EXTENSIONS = rule({ name: 'os_compute_api:extensions', check: '@', operations: ['GET /extensions', 'GET /extensions/{alias}'], description: 'Extensions' })

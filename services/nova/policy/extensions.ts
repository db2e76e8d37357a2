// Who may list extensions.
import { rule } from '@alto/kit/policy'

export const EXTENSIONS = rule({ name: 'os_compute_api:extensions', check: '@', operations: ['GET /extensions', 'GET /extensions/{alias}'], description: 'Extensions' })

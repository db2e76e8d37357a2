// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const DEFAULT = rule({ name: 'default', check: '', legacy: 'rule:context_is_admin', description: 'Default' })
export const CONTEXT_IS_ADMIN = rule({ name: 'context_is_admin', check: 'role:admin', description: 'Context is admin' })
export const SERVICE_API = rule({ name: 'service_api', check: 'role:service or role:admin', description: 'A service of the cloud, or an administrator' })

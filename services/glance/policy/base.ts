// Rules that other rules are made of.
import { rule } from '@alto/kit/policy'

export const DEFAULT = rule({ name: 'default', check: '', legacy: 'rule:context_is_admin', description: 'Default' })
export const CONTEXT_IS_ADMIN = rule({ name: 'context_is_admin', check: 'role:admin', description: 'Context is admin' })

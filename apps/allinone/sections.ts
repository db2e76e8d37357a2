// What the services of this process declare: options for the site's configuration file, rules for its policy files.
import * as keystone from '@alto/keystone'
import type { Rule } from '@alto/kit/policy'

export const sections = [keystone.declared.options] as const

export const declaredRules: Readonly<Record<string, readonly Rule[]>> = { keystone: keystone.declared.rules }

// Roles and owners that other rules refer to.
import { rule } from '@alto/kit/policy'

export const CONTEXT_IS_ADMIN = rule({ name: 'context_is_admin', check: 'role:admin', description: 'Context is admin' })
export const SERVICE_API = rule({ name: 'service_api', check: 'role:service', description: 'Service api' })
export const OWNER = rule({ name: 'owner', check: 'project_id:%(project_id)s', description: 'Owner' })
export const ADMIN_OR_OWNER = rule({ name: 'admin_or_owner', check: 'rule:context_is_admin or rule:owner', description: 'Admin or owner' })
export const CONTEXT_IS_ADVSVC = rule({ name: 'context_is_advsvc', check: 'role:advsvc', description: 'Context is advsvc' })
export const ADMIN_OR_NETWORK_OWNER = rule({ name: 'admin_or_network_owner', check: 'rule:context_is_admin or project_id:%(network:project_id)s', description: 'Admin or network owner' })
export const NETWORK_OWNER = rule({ name: 'network_owner', check: 'project_id:%(network:project_id)s', description: 'Network owner' })
export const ADMIN_ONLY = rule({ name: 'admin_only', check: 'rule:context_is_admin', description: 'Admin only' })
export const SHARED = rule({ name: 'shared', check: 'field:networks:shared=True', description: 'Shared' })
export const DEFAULT = rule({ name: 'default', check: 'rule:admin_or_owner', description: 'Default' })
export const SG_OWNER = rule({ name: 'sg_owner', check: 'project_id:%(security_group:project_id)s', description: 'Sg owner' })
export const SHARED_SECURITY_GROUP = rule({ name: 'shared_security_group', check: 'field:security_groups:shared=True', description: 'Shared security group' })
export const EXTERNAL = rule({ name: 'external', check: 'field:networks:router:external=True', description: 'External' })
export const EXTERNAL_NETWORK = rule({ name: 'external_network', check: 'field:subnets:router:external=True', description: 'External network' })
export const NETWORK_DEVICE = rule({ name: 'network_device', check: 'field:port:device_owner=~^network:', description: 'Network device' })

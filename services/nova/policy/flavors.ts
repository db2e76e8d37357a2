// Who may make and change flavors.
import { rule } from '@alto/kit/policy'

export const CREATE = rule({ name: 'os_compute_api:os-flavor-manage:create', check: 'rule:context_is_admin', operations: ['POST /flavors'], description: 'Create' })
export const UPDATE = rule({ name: 'os_compute_api:os-flavor-manage:update', check: 'rule:context_is_admin', operations: ['PUT /flavors/{flavor_id}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:os-flavor-manage:delete', check: 'rule:context_is_admin', operations: ['DELETE /flavors/{flavor_id}'], description: 'Delete' })
export const ADD_TENANT_ACCESS = rule({ name: 'os_compute_api:os-flavor-access:add_tenant_access', check: 'rule:context_is_admin', operations: ['POST /flavors/{flavor_id}/action (addTenantAccess)'], description: 'Add tenant access' })
export const REMOVE_TENANT_ACCESS = rule({ name: 'os_compute_api:os-flavor-access:remove_tenant_access', check: 'rule:context_is_admin', operations: ['POST /flavors/{flavor_id}/action (removeTenantAccess)'], description: 'Remove tenant access' })
export const OS_FLAVOR_ACCESS = rule({ name: 'os_compute_api:os-flavor-access', check: 'rule:context_is_admin', legacy: 'rule:admin_or_owner', operations: ['GET /flavors/{flavor_id}/os-flavor-access'], description: 'Os-flavor-access' })

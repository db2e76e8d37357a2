// Who may see and change a flavor's extra specs.
import { rule } from '@alto/kit/policy'

export const SHOW = rule({ name: 'os_compute_api:os-flavor-extra-specs:show', check: 'rule:project_reader_or_admin', operations: ['GET /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}'], description: 'Show' })
export const CREATE = rule({ name: 'os_compute_api:os-flavor-extra-specs:create', check: 'rule:context_is_admin', operations: ['POST /flavors/{flavor_id}/os-extra_specs/'], description: 'Create' })
export const UPDATE = rule({ name: 'os_compute_api:os-flavor-extra-specs:update', check: 'rule:context_is_admin', operations: ['PUT /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}'], description: 'Update' })
export const DELETE = rule({ name: 'os_compute_api:os-flavor-extra-specs:delete', check: 'rule:context_is_admin', operations: ['DELETE /flavors/{flavor_id}/os-extra_specs/{flavor_extra_spec_key}'], description: 'Delete' })
export const INDEX = rule({ name: 'os_compute_api:os-flavor-extra-specs:index', check: 'rule:project_reader_or_admin', operations: ['GET /flavors/{flavor_id}/os-extra_specs/', 'POST /flavors', 'GET /flavors/detail', 'GET /flavors/{flavor_id}', 'PUT /flavors/{flavor_id}'], description: 'Index' })

// Who may ask for usages.
import { rule } from '@alto/kit/policy'

export const SHOW_PROVIDER = rule({ name: 'placement:resource_providers:usages', check: 'rule:admin_or_service_api', operations: ['GET /resource_providers/{uuid}/usages'], description: 'Usages' })
export const LIST = rule({ name: 'placement:usages', check: 'rule:admin_or_project_reader_or_service_api', operations: ['GET /usages'], description: 'Usages' })

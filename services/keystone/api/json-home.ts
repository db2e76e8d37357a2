// The JSON home document (draft-nottingham-json-home): under which name clients find which path.
import type { AnyRoute } from '@alto/kit/http'

const RELATIONS = 'https://docs.openstack.org/api/openstack-identity/3'

/** Paths below /v3 and the names of their relations, `EXTENSION/name` for what an extension brought; paths of several names stand as often. */
const RESOURCES: readonly (readonly [path: string, relation: string])[] = [
  ['/auth/projects', 'auth_projects'],
  ['/auth/domains', 'auth_domains'],
  ['/auth/system', 'auth_system'],
  ['/auth/catalog', 'auth_catalog'],
  ['/auth/tokens/OS-PKI/revoked', 'OS-PKI/revocations'],
  ['/auth/tokens', 'auth_tokens'],
  ['/credentials', 'credentials'],
  ['/credentials/{credential_id}', 'credential'],
  ['/domains', 'domains'],
  ['/domains/{domain_id}', 'domain'],
  ['/domains/{domain_id}/config', 'domain_config'],
  ['/domains/{domain_id}/config/{group}', 'domain_config_group'],
  ['/domains/{domain_id}/config/{group}/{option}', 'domain_config_option'],
  ['/domains/config/default', 'domain_config_default'],
  ['/domains/config/{group}/default', 'domain_config_default_group'],
  ['/domains/config/{group}/{option}/default', 'domain_config_default_option'],
  ['/domains/{domain_id}/users/{user_id}/roles', 'domain_user_roles'],
  ['/domains/{domain_id}/users/{user_id}/roles/{role_id}', 'domain_user_role'],
  ['/domains/{domain_id}/groups/{group_id}/roles', 'domain_group_roles'],
  ['/domains/{domain_id}/groups/{group_id}/roles/{role_id}', 'domain_group_role'],
  ['/ec2tokens', 'OS-EC2/ec2tokens'],
  ['/endpoints', 'endpoints'],
  ['/endpoints/{endpoint_id}', 'endpoint'],
  ['/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy', 'OS-ENDPOINT-POLICY/endpoint_policy'],
  ['/groups', 'groups'],
  ['/groups/{group_id}', 'group'],
  ['/groups/{group_id}/users', 'group_users'],
  ['/groups/{group_id}/users/{user_id}', 'group_user'],
  ['/limits', 'limits'],
  ['/limits/{limit_id}', 'limit'],
  ['/limits/model', 'limit_model'],
  ['/OS-EP-FILTER/endpoint_groups', 'OS-EP-FILTER/endpoint_groups'],
  ['/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}', 'OS-EP-FILTER/endpoint_group'],
  ['/OS-EP-FILTER/endpoints/{endpoint_id}/projects', 'OS-EP-FILTER/endpoint_projects'],
  ['/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}', 'OS-EP-FILTER/project_endpoint'],
  ['/OS-EP-FILTER/projects/{project_id}/endpoints', 'OS-EP-FILTER/project_endpoints'],
  ['/OS-EP-FILTER/projects/{project_id}/endpoint_groups', 'OS-EP-FILTER/project_endpoint_groups'],
  ['/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints', 'OS-EP-FILTER/endpoints_in_endpoint_group'],
  ['/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects', 'OS-EP-FILTER/projects_associated_with_endpoint_group'],
  ['/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}', 'OS-EP-FILTER/endpoint_group_to_project_association'],
  ['/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects', 'OS-INHERIT/domain_group_role_inherited_to_projects'],
  ['/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects', 'OS-INHERIT/domain_group_roles_inherited_to_projects'],
  ['/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects', 'OS-INHERIT/domain_user_role_inherited_to_projects'],
  ['/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects', 'OS-INHERIT/domain_user_roles_inherited_to_projects'],
  ['/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects', 'OS-INHERIT/project_user_role_inherited_to_projects'],
  ['/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects', 'OS-INHERIT/project_group_role_inherited_to_projects'],
  ['/OS-REVOKE/events', 'OS-REVOKE/events'],
  ['/OS-SIMPLE-CERT/ca', 'OS-SIMPLE-CERT/ca_certificate'],
  ['/OS-SIMPLE-CERT/certificates', 'OS-SIMPLE-CERT/certificates'],
  ['/policies', 'policies'],
  ['/policies/{policy_id}', 'policy'],
  ['/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints', 'OS-ENDPOINT-POLICY/policy_endpoints'],
  ['/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}', 'OS-ENDPOINT-POLICY/endpoint_policy_association'],
  ['/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}', 'OS-ENDPOINT-POLICY/service_policy_association'],
  ['/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}', 'OS-ENDPOINT-POLICY/region_and_service_policy_association'],
  ['/projects', 'projects'],
  ['/projects/{project_id}', 'project'],
  ['/projects/{project_id}/tags/{value}', 'project_tags'],
  ['/projects/{project_id}/users/{user_id}/roles/{role_id}', 'project_user_role'],
  ['/projects/{project_id}/users/{user_id}/roles', 'project_user_roles'],
  ['/projects/{project_id}/groups/{group_id}/roles/{role_id}', 'project_group_role'],
  ['/projects/{project_id}/groups/{group_id}/roles', 'project_group_roles'],
  ['/regions', 'regions'],
  ['/regions/{region_id}', 'region'],
  ['/registered_limits', 'registered_limits'],
  ['/registered_limits/{registered_limit_id}', 'registered_limit'],
  ['/role_assignments', 'role_assignments'],
  ['/role_inferences', 'role_inferences'],
  ['/roles', 'roles'],
  ['/roles/{role_id}', 'role'],
  ['/roles/{prior_role_id}/implies', 'implied_roles'],
  ['/roles/{prior_role_id}/implies/{implied_role_id}', 'implied_role'],
  ['/s3tokens', 's3tokens/s3tokens'],
  ['/services', 'services'],
  ['/services/{service_id}', 'service'],
  ['/system/users/{user_id}/roles', 'system_user_roles'],
  ['/system/users/{user_id}/roles/{role_id}', 'system_user_role'],
  ['/system/groups/{group_id}/roles', 'system_group_roles'],
  ['/system/groups/{group_id}/roles/{role_id}', 'system_group_role'],
  ['/OS-TRUST/trusts', 'OS-TRUST/trusts'],
  ['/OS-TRUST/trusts/{trust_id}', 'OS-TRUST/trust'],
  ['/OS-TRUST/trusts/{trust_id}/roles', 'OS-TRUST/trust_roles'],
  ['/OS-TRUST/trusts/{trust_id}/roles/{role_id}', 'OS-TRUST/trust_role'],
  ['/users', 'users'],
  ['/users/{user_id}', 'user'],
  ['/users/{user_id}/password', 'user_change_password'],
  ['/users/{user_id}/groups', 'user_groups'],
  ['/users/{user_id}/projects', 'user_projects'],
  ['/users/{user_id}/credentials/OS-EC2', 'OS-EC2/user_credentials'],
  ['/users/{user_id}/credentials/OS-EC2/{credential_id}', 'OS-EC2/user_credential'],
  ['/users/{user_id}/application_credentials', 'application_credentials'],
  ['/users/{user_id}/application_credentials/{application_credential_id}', 'application_credential'],
  ['/users/{user_id}/access_rules', 'access_rules'],
  ['/users/{user_id}/access_rules/{access_rule_id}', 'access_rule'],
]

/** Parameters that are named after something else than they are called in the path. */
const PARAMETERS: Readonly<Record<string, string>> = {
  group: 'param/config_group', option: 'param/config_option', value: 'param/tag_value', prior_role_id: 'param/role_id', implied_role_id: 'param/role_id',
  endpoint_group_id: 'ext/OS-EP-FILTER/1.0/param/endpoint_group_id', trust_id: 'ext/OS-TRUST/1.0/param/trust_id',
}

/** The document of what these routes serve; `prefix` stands before each path (`/v3` for a reader at the root). */
export function jsonHome(routes: readonly AnyRoute[], prefix: string): { resources: Record<string, unknown> } {
  const served = new Set(routes.map(one => shapeOf(one.path)))
  return { resources: Object.fromEntries(RESOURCES.filter(([path]) => served.has(shapeOf(`/v3${path}`))).map(([path, relation]) => {
    const variables = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    return [relationOf(relation), {
      ...(variables.length === 0 ? { href: `${prefix}${path}` } : { 'href-template': `${prefix}${path}`, 'href-vars': Object.fromEntries(variables.map(name => [name, `${RELATIONS}/${PARAMETERS[name] ?? `param/${name}`}`])) }),
      ...(/limit/.test(relation) && { hints: { status: 'experimental' } }),
    }]
  })) }
}

/** The paths that the document knows, for whoever checks that they are served. */
export const homePaths: readonly string[] = RESOURCES.map(([path]) => `/v3${path}`)

/** Whether a client that sends this Accept header would rather have JSON home than JSON. */
export function prefersHome(accept: string | undefined): boolean {
  return quality(accept ?? '', 'application/json-home') > quality(accept ?? '', 'application/json')
}

/** How much the header (RFC 9110, section 12.5.1) likes the media type: 0 to 1; the most exact entry counts. */
function quality(accept: string, type: string): number {
  const entries = new Map(accept.split(',').map(entry => {
    const [range = '', ...parameters] = entry.split(';').map(part => part.trim())
    const q = parameters.find(p => p.startsWith('q='))
    return [range.toLowerCase(), q === undefined ? 1 : Number(q.slice(2)) || 0]
  }))
  return entries.get(type) ?? entries.get('application/*') ?? entries.get('*/*') ?? 0
}

function shapeOf(path: string): string {
  return path.replaceAll(/\{\w+\}/g, '{}')
}

function relationOf(relation: string): string {
  const [extension, name] = relation.split('/')
  return name === undefined ? `${RELATIONS}/rel/${relation}` : `${RELATIONS}/ext/${extension}/1.0/rel/${name}`
}

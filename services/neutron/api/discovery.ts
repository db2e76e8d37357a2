// The documents by which clients find out what they talk to: `/`, `/v2.0/`, and the extensions that work.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import { neutronFault } from '../model/faults.ts'

const PUBLIC = { public: 'clients look here first' }

/** Aliases and what each adds. */
const EXTENSIONS: Readonly<Record<string, readonly [name: string, description: string]>> = {
  agent: ['agent', 'The agents of the hosts.'],
  'allowed-address-pairs': ['Allowed Address Pairs', 'More addresses that a port may send from.'],
  availability_zone: ['Availability Zone', 'Availability zones of networks and routers.'],
  network_availability_zone: ['Network Availability Zone', 'Availability zones of networks.'],
  router_availability_zone: ['Router Availability Zone', 'Availability zones of routers.'],
  binding: ['Port Binding', 'Where a port is bound, and how it is plugged.'],
  'dns-integration': ['DNS Integration', 'Names of ports in the DNS of their network.'],
  'external-net': ['Neutron external network', 'Networks that lead out.'],
  'ext-gw-mode': ['Neutron L3 Configurable external gateway mode', 'Source NAT of a router\'s gateway can be switched off.'],
  extra_dhcp_opt: ['Neutron Extra DHCP options', 'DHCP options of a port.'],
  extraroute: ['Neutron Extra Route', 'Static routes of a router.'],
  'extraroute-atomic': ['Atomically add/remove extra routes', 'Routes are added and removed one by one.'],
  'filter-validation': ['Filter parameters validation', 'Filters that a list does not know are refused.'],
  'ip-substring-filtering': ['IP address substring filtering', 'Ports are found by a part of an address.'],
  'net-mtu': ['Network MTU', 'The largest packet of a network.'],
  'net-mtu-writable': ['Network MTU (writable)', 'It can be set.'],
  'network-ip-availability': ['Network IP Availability', 'How many addresses of a network are taken.'],
  pagination: ['Pagination support', 'Lists come in pages.'],
  'port-security': ['Port Security', 'Filters of a port can be switched off.'],
  'project-id': ['project_id field enabled', 'project_id stands beside tenant_id.'],
  provider: ['Provider Network', 'How a network is realised.'],
  quotas: ['Quota management support', 'Limits of a project.'],
  quota_details: ['Quota details management support', 'Limits and usage of a project.'],
  'revision-if-match': ['If-Match constraints based on revision_number', 'A change can be made to depend on the revision.'],
  router: ['Neutron L3 Router', 'Routers and floating IPs.'],
  'security-group': ['security-group', 'Which packets reach a port.'],
  'security-groups-normalized-cidr': ['Normalized CIDR field for security group rules', 'A rule\'s prefix without host bits.'],
  'security-groups-rules-belongs-to-default-sg': ['Security group rule\'s field to check if rule belongs to default security group', 'Whether a rule is a default group\'s.'],
  sorting: ['Sorting support', 'Lists are sorted.'],
  'standard-attr-description': ['standard-attr-description', 'Resources have a description.'],
  'standard-attr-revisions': ['Resource revision numbers', 'Resources have a revision number.'],
  'standard-attr-tag': ['Tag support for resources with standard attribute', 'Resources have tags.'],
  'standard-attr-timestamp': ['Resource timestamps', 'Resources have times.'],
  'subnet-external-network': ['Subnet belongs to an external network', 'Subnets say whether their network leads out.'],
}

/** The routes that need no token. */
export const discoveryRoutes: readonly AnyRoute[] = [
  route({ method: 'GET', path: '/', rule: PUBLIC, status: 200, summary: 'List API versions', handle: async ({ ctx }) => ({ versions: [version(ctx)] }) }),
  route({ method: 'GET', path: '/v2.0/', rule: PUBLIC, status: 200, summary: 'Show API v2 details', handle: async ({ ctx }) => ({ resources: resources(ctx) }) }),
  route({ method: 'GET', path: '/v2.0/extensions', rule: PUBLIC, status: 200, summary: 'List extensions', handle: async () => ({ extensions: Object.keys(EXTENSIONS).map(extension) }) }),
  route({
    method: 'GET', path: '/v2.0/extensions/{alias}', rule: PUBLIC, status: 200, summary: 'Show extension details', params: t.object({ alias: t.id() }),
    async handle({ params }) {
      if (!Object.hasOwn(EXTENSIONS, params.alias)) throw neutronFault('notFound', 'HTTPNotFound', `Extension with alias ${params.alias} does not exist`)
      return { extension: extension(params.alias) }
    },
  }),
]

function version(ctx: Context) {
  return { id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${ctx.baseUrl}/v2.0/` }] }
}

function resources(ctx: Context) {
  return [['network', 'networks'], ['subnet', 'subnets'], ['port', 'ports'], ['router', 'routers'], ['floatingip', 'floatingips'], ['security_group', 'security-groups'], ['security_group_rule', 'security-group-rules'], ['quota', 'quotas'], ['agent', 'agents']]
    .map(([name, path]) => ({ name, collection: path!.replaceAll('-', '_'), links: [{ rel: 'self', href: `${ctx.baseUrl}/v2.0/${path}` }] }))
}

function extension(alias: string) {
  const [name, description] = EXTENSIONS[alias]!
  return { alias, name, description, links: [], updated: '2026-01-01T00:00:00-00:00' }
}

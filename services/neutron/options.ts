// Neutron's options.
import { option, section } from '@alto/kit/config'

const quota = <const R extends string>(resource: R, limit: number) =>
  option({ name: `quota_${resource}` as const, type: 'integer', default: limit, min: -1, meaning: `${resource.replaceAll('_', ' ')}s that a project may have; -1 is without limit.`, upstream: `[quotas] quota_${resource}` })

export const neutronOptions = section('neutron', [
  quota('network', 100), quota('subnet', 100), quota('port', 500), quota('router', 10), quota('floatingip', 50), quota('security_group', 10), quota('security_group_rule', 100),
  option({ name: 'global_physnet_mtu', type: 'integer', default: 1500, min: 1280, max: 65_535, meaning: 'Bytes of the largest packet between hosts; tunnelled networks get less.', upstream: '[DEFAULT] global_physnet_mtu' }),
  option({ name: 'max_fixed_ips_per_port', type: 'integer', default: 5, min: 1, meaning: 'Addresses that a port may have.', upstream: '[DEFAULT] max_fixed_ips_per_port' }),
  option({ name: 'max_routes', type: 'integer', default: 30, min: 0, meaning: 'Extra routes that a router may have.', upstream: '[DEFAULT] max_routes' }),
  option({ name: 'agent_down_time', type: 'integer', default: 75, min: 5, meaning: 'Seconds without a word from an agent until it counts as down.', upstream: '[DEFAULT] agent_down_time' }),
  option({ name: 'internet', type: 'boolean', default: false, meaning: 'Whether the machine masquerades what leaves an external network for the world.' }),
  option({ name: 'external_routed', type: 'boolean', default: false, meaning: 'Hosts pass on what others send to an external network\'s addresses through them: floating IPs are reached from other machines, which have a route to the gateway host.' }),
])

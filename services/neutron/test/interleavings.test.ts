// The rules over sets of Neutron, with two controllers on one PostgreSQL: in every order of their statements one is refused in Neutron's words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { neutronAlone, type Answer, type Cloud } from './cloud.ts'

const ADMIN = 'pa:admin,manager,member,reader'
type Ask = (cloud: Cloud, world: any) => Promise<Answer> // eslint-disable-line @typescript-eslint/no-explicit-any

interface Rule {
  /** Makes what the requests are about, in project `p`ORDER. */
  prepare(cloud: Cloud, project: string, as: string): Promise<unknown>
  readonly first: Ask
  readonly second: Ask
  /** Sees to it that the answers, told shortly, are right. */
  ended(told: readonly string[], cloud: Cloud, world: any): Promise<void> | void // eslint-disable-line @typescript-eslint/no-explicit-any
  readonly orders?: number
}

/** `201`, or `409 OverQuota`. */
function told(one: Ended<Answer>): string {
  if ('error' in one) throw one.error
  return one.value.status < 300 ? String(one.value.status) : `${one.value.status} ${one.value.body?.NeutronError?.type}`
}

const sorted = (list: readonly string[]) => list.toSorted((a, b) => a.localeCompare(b))
const oneWins = (won: string, lost: string) => (all: readonly string[]) => assert.deepEqual(sorted(all), [won, lost])

async function hold(rule: Rule): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await neutronAlone({ db: two.databases[0], name: 'one' })
  await using other = await neutronAlone({ db: two.databases[1], name: 'other' })
  const { orders, deadlocks } = await two.walk<{ made: unknown }, Answer>({
    prepare: async order => ({ made: await rule.prepare(one, `p${order}`, `p${order}:member,reader`) }),
    first: ({ made }) => rule.first(one, made),
    second: ({ made }) => rule.second(other, made),
    holds: async ({ made }, ended) => {
      await rule.ended(ended.map(told), one, made)
      assert.deepEqual(await one.neutron.audit(), [])
    },
    orders: rule.orders ?? 80,
  })
  assert.ok(orders > 8, `${orders} orders`)
  assert.equal(deadlocks, 0)
}

test('of two overlapping subnets of a network one is made, whatever the order', () => hold({
  async prepare(cloud, _, as) { return { as, network: (await cloud.make('network', { name: 'n' }, as)).id } },
  first: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id: network, ip_version: 4, cidr: '10.0.0.0/16' } }, { as }),
  second: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id: network, ip_version: 4, cidr: '10.0.4.0/24' } }, { as }),
  ended: oneWins('201', '400 InvalidInput'),
}))

test('a project has one default security group, whoever of two comes first', () => hold({
  prepare: async (_, project, as) => ({ as, project }),
  first: (cloud, { as }) => cloud.ask('GET', '/v2.0/security-groups', undefined, { as }),
  second: (cloud, { as }) => cloud.ask('POST', '/v2.0/security-groups', { security_group: { name: 'web' } }, { as }),
  async ended(all, cloud, { as, project }) {
    assert.deepEqual(all, ['200', '201'])
    const groups = (await cloud.ask('GET', '/v2.0/security-groups', undefined, { as })).body.security_groups
    assert.deepEqual(sorted(groups.map((group: { name: string }) => group.name)), ['default', 'web'])
    const { quota } = (await cloud.ask('GET', `/v2.0/quotas/${project}/details.json`, undefined, { as: ADMIN })).body
    assert.deepEqual([quota.security_group.used, quota.security_group_rule.used], [2, 6])
  },
}))

test('two ports that need the default security group both get the one', () => hold({
  async prepare(cloud, _, as) { return { as, network: (await cloud.make('network', { name: 'n' }, as)).id } },
  first: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network } }, { as }),
  second: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network } }, { as }),
  async ended(all, cloud, { as }) {
    assert.deepEqual(all, ['201', '201'])
    const { ports } = (await cloud.ask('GET', '/v2.0/ports', undefined, { as })).body
    assert.equal(new Set(ports.flatMap((port: { security_groups: string[] }) => port.security_groups)).size, 1)
  },
}))

interface Place { readonly as: string, readonly network: string, readonly outside: string, readonly group: string }

/** What is asked for, by resource; the second of two asks for another subnet and another rule. */
const WANTED: Record<string, (place: Place, which: 1 | 2) => unknown> = {
  network: () => ({ name: 'n' }), port: ({ network }) => ({ network_id: network }), router: () => ({ name: 'r' }), security_group: () => ({ name: 'g' }),
  subnet: ({ network }, which) => ({ network_id: network, ip_version: 4, cidr: `10.0.${which}.0/24`, enable_dhcp: false }), floatingip: ({ outside }) => ({ floating_network_id: outside }),
  security_group_rule: ({ group }, which) => ({ security_group_id: group, direction: 'ingress', protocol: 'tcp', port_range_min: which, port_range_max: which }),
}

for (const [resource, wanted] of Object.entries(WANTED)) {
  const path = `/v2.0/${resource.replaceAll('_', '-')}s`
  test(`quota: of two that want the last ${resource} one has it`, () => hold({
    async prepare(cloud, project, as): Promise<Place> {
      const network = (await cloud.make('network', { name: 'n' }, as)).id
      const outside = (await cloud.make('network', { 'name': 'out', 'router:external': true }, ADMIN)).id
      await cloud.make('subnet', { network_id: outside, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false }, ADMIN)
      const group = (await cloud.make('security_group', { name: 'web' }, as)).id
      const details = async () => (await cloud.ask('GET', `/v2.0/quotas/${project}/details.json`, undefined, { as: ADMIN })).body.quota[resource]
      assert.equal((await cloud.ask('PUT', `/v2.0/quotas/${project}`, { quota: { [resource]: (await details()).used + 1 } }, { as: ADMIN })).status, 200)
      return { as, network, outside, group }
    },
    first: (cloud, place: Place) => cloud.ask('POST', path, { [resource]: wanted(place, 1) }, { as: place.as }),
    second: (cloud, place: Place) => cloud.ask('POST', path, { [resource]: wanted(place, 2) }, { as: place.as }),
    ended: oneWins('201', '409 OverQuota'),
    orders: 30,
  }))
}

test('of two subnets that overlap, on two networks, a router joins one', () => hold({
  async prepare(cloud, _, as) {
    const subnets: string[] = []
    for (const cidr of ['10.0.0.0/16', '10.0.4.0/24']) {
      const network = (await cloud.make('network', { name: 'n' }, as)).id
      subnets.push((await cloud.make('subnet', { network_id: network, ip_version: 4, cidr, enable_dhcp: false }, as)).id)
    }
    return { as, subnets, router: (await cloud.make('router', { name: 'r' }, as)).id }
  },
  first: (cloud, { as, router, subnets }) => cloud.ask('PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: subnets[0] }, { as }),
  second: (cloud, { as, router, subnets }) => cloud.ask('PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: subnets[1] }, { as }),
  ended: oneWins('200', '400 BadRequest'),
}))

async function oneSubnet(cloud: Cloud, as: string) {
  const network = (await cloud.make('network', { name: 'n' }, as)).id as string
  return { as, network, subnet: (await cloud.make('subnet', { network_id: network, ip_version: 4, cidr: '10.0.0.0/24', enable_dhcp: false }, as)).id as string }
}

test('an address of a subnet is of one of two that ask for it', () => hold({
  prepare: (cloud, _, as) => oneSubnet(cloud, as),
  first: (cloud, { as, network, subnet }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network, fixed_ips: [{ subnet_id: subnet, ip_address: '10.0.0.9' }] } }, { as }),
  second: (cloud, { as, network, subnet }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network, fixed_ips: [{ subnet_id: subnet, ip_address: '10.0.0.9' }] } }, { as }),
  ended: oneWins('201', '409 IpAddressAlreadyAllocated'),
}))

test('two that take any address of a subnet get two', () => hold({
  prepare: (cloud, _, as) => oneSubnet(cloud, as),
  first: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network } }, { as }),
  second: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network } }, { as }),
  async ended(all, cloud, { as }) {
    assert.deepEqual(all, ['201', '201'])
    const { ports } = (await cloud.ask('GET', '/v2.0/ports', undefined, { as })).body
    assert.equal(new Set(ports.map((port: { fixed_ips: { ip_address: string }[] }) => port.fixed_ips[0]!.ip_address)).size, 2)
  },
}))

test('a MAC is of one port of a network', () => hold({
  prepare: (cloud, _, as) => oneSubnet(cloud, as),
  first: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network, mac_address: 'fa:16:3e:00:00:01' } }, { as }),
  second: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network, mac_address: 'fa:16:3e:00:00:01' } }, { as }),
  ended: oneWins('201', '409 MacAddressInUse'),
}))

test('a subnet is not removed while a port gets an address of it', () => hold({
  prepare: (cloud, _, as) => oneSubnet(cloud, as),
  first: (cloud, { as, subnet }) => cloud.ask('DELETE', `/v2.0/subnets/${subnet}`, undefined, { as }),
  second: (cloud, { as, network, subnet }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network, fixed_ips: [{ subnet_id: subnet }] } }, { as }),
  ended(all) { assert.ok([['409 SubnetInUse', '201'], ['204', '400 InvalidInput'], ['204', '404 SubnetNotFound'], ['204', '400 BadRequest']].some(one => one.join() === all.join()), all.join()) },
}))

test('a network is not removed while a port is made on it', () => hold({
  prepare: (cloud, _, as) => oneSubnet(cloud, as),
  first: (cloud, { as, network }) => cloud.ask('DELETE', `/v2.0/networks/${network}`, undefined, { as }),
  second: (cloud, { as, network }) => cloud.ask('POST', '/v2.0/ports', { port: { network_id: network } }, { as }),
  ended(all) { assert.ok([['409 NetworkInUse', '201'], ['204', '404 NetworkNotFound']].some(one => one.join() === all.join()), all.join()) },
}))

test('a fixed address has one floating IP', () => hold({
  async prepare(cloud, _, as) {
    const { network, subnet } = await oneSubnet(cloud, as)
    const outside = (await cloud.make('network', { 'name': 'out', 'router:external': true }, ADMIN)).id
    await cloud.make('subnet', { network_id: outside, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false }, ADMIN)
    const router = (await cloud.make('router', { name: 'r', external_gateway_info: { network_id: outside } }, as)).id
    assert.equal((await cloud.ask('PUT', `/v2.0/routers/${router}/add_router_interface`, { subnet_id: subnet }, { as })).status, 200)
    const port = (await cloud.make('port', { network_id: network }, as)).id
    return { as, port, outside, spare: (await cloud.make('floatingip', { floating_network_id: outside }, as)).id }
  },
  first: (cloud, { as, port, spare }) => cloud.ask('PUT', `/v2.0/floatingips/${spare}`, { floatingip: { port_id: port } }, { as }),
  second: (cloud, { as, port, outside }) => cloud.ask('POST', '/v2.0/floatingips', { floatingip: { floating_network_id: outside, port_id: port } }, { as }),
  ended(all) { assert.ok([['200', '409 FloatingIPPortAlreadyAssociated'], ['409 FloatingIPPortAlreadyAssociated', '201']].some(one => one.join() === all.join()), all.join()) },
}))

test('a security group has a rule once', () => hold({
  async prepare(cloud, _, as) { return { as, group: (await cloud.make('security_group', { name: 'g' }, as)).id } },
  first: (cloud, { as, group }) => cloud.ask('POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', protocol: 'tcp' } }, { as }),
  second: (cloud, { as, group }) => cloud.ask('POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: group, direction: 'ingress', protocol: 'tcp' } }, { as }),
  ended: oneWins('201', '409 SecurityGroupRuleExists'),
}))

test('a create under one key makes one thing, whichever controller is asked', () => hold({
  async prepare(_, project, as) { return { as, key: `task/${project}` } },
  first: (cloud, { as, key }) => cloud.ask('POST', '/v2.0/networks', { network: { name: 'n' } }, { as, headers: { 'x-alto-idempotency-key': key } }),
  second: (cloud, { as, key }) => cloud.ask('POST', '/v2.0/networks', { network: { name: 'n' } }, { as, headers: { 'x-alto-idempotency-key': key } }),
  async ended(all, cloud, { as }) {
    assert.deepEqual(all, ['201', '201'])
    assert.equal((await cloud.ask('GET', '/v2.0/networks', undefined, { as })).body.networks.length, 1)
  },
}))

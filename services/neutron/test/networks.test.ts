import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neutronAlone } from './cloud.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const STANDARD = { tenant_id: 'p', project_id: 'p', description: '', tags: [], revision_number: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' }
const ADMIN = { as: 'a:admin,member,reader' }
const error = (type: string, message: string) => ({ NeutronError: { type, message, detail: '' } })

test('a network and its subnet are shown whole; provider attributes are for admins', async () => {
  await using cloud = await neutronAlone()
  const made = await cloud.ask('POST', '/v2.0/networks', { network: { name: 'private' } })
  const { id } = made.body.network as { id: string }
  assert.match(id, UUID)
  const network = {
    ...STANDARD, id, name: 'private', admin_state_up: true, status: 'ACTIVE', subnets: [], shared: false, 'router:external': false, is_default: false, mtu: 1450, port_security_enabled: true,
    availability_zone_hints: [], availability_zones: ['nova'], ipv4_address_scope: null, ipv6_address_scope: null,
  }
  assert.deepEqual([made.status, made.body], [201, { network }])

  const subnet = await cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id: id, name: 's', ip_version: 4, cidr: '10.0.0.7/24', dns_nameservers: ['9.9.9.9'] } })
  assert.deepEqual([subnet.status, subnet.body], [201, { subnet: {
    ...STANDARD, id: subnet.body.subnet.id, name: 's', network_id: id, ip_version: 4, cidr: '10.0.0.0/24', gateway_ip: '10.0.0.1', enable_dhcp: true,
    allocation_pools: [{ start: '10.0.0.2', end: '10.0.0.254' }], dns_nameservers: ['9.9.9.9'], host_routes: [], ipv6_address_mode: null, ipv6_ra_mode: null, service_types: [], subnetpool_id: null, 'router:external': false,
  } }])
  assert.deepEqual((await cloud.ask('GET', `/v2.0/networks/${id}`)).body, { network: { ...network, subnets: [subnet.body.subnet.id] } })
  const seen = (await cloud.ask('GET', `/v2.0/networks/${id}`, undefined, ADMIN)).body.network
  assert.deepEqual([seen['provider:network_type'], seen['provider:physical_network'], typeof seen['provider:segmentation_id']], ['vxlan', null, 'number'])
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a network of another project is not found; shared and external ones are seen; only admins share', async () => {
  await using cloud = await neutronAlone()
  const { id } = await cloud.make('network', { name: 'private' })
  const other = { as: 'q:member,reader' }
  const missing = { status: 404, body: error('NetworkNotFound', `Network ${id} could not be found.`) }
  for (const method of ['GET', 'DELETE'] as const) {
    const { status, body } = await cloud.ask(method, `/v2.0/networks/${id}`, undefined, other)
    assert.deepEqual({ status, body }, missing)
  }
  assert.deepEqual((await cloud.ask('GET', '/v2.0/networks', undefined, other)).body, { networks: [] })
  assert.equal((await cloud.ask('PUT', `/v2.0/networks/${id}`, { network: { name: 'x' } }, { as: 'p:reader' })).status, 403)
  assert.deepEqual((await cloud.ask('PUT', `/v2.0/networks/${id}`, { network: { shared: true } })).body, error('HTTPForbidden', 'rule:update_network:shared is disallowed by policy'))
  assert.equal((await cloud.ask('POST', '/v2.0/networks', { network: { 'router:external': true } })).status, 403)
  assert.equal((await cloud.ask('PUT', `/v2.0/networks/${id}`, { network: { shared: true } }, ADMIN)).status, 200)
  assert.equal((await cloud.ask('GET', `/v2.0/networks/${id}`, undefined, other)).status, 200)
  assert.equal((await cloud.ask('GET', `/v2.0/networks/${id}`, undefined, { as: undefined })).status, 401)
})

test('a subnet says whether its network leads out, and such a one is seen by all', async () => {
  await using cloud = await neutronAlone()
  const network = await cloud.make('network', { name: 'public', 'router:external': true }, ADMIN.as)
  const made = await cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '192.0.2.0/24' } }, ADMIN)
  assert.deepEqual([made.status, made.body.subnet['router:external']], [201, true])
  const inside = await cloud.make('network', { name: 'private' })
  await cloud.make('subnet', { network_id: inside.id, ip_version: 4, cidr: '10.0.0.0/24' })
  const external = async (query: string, as: string) => (await cloud.ask('GET', `/v2.0/subnets${query}`, undefined, { as })).body.subnets.map((s: Record<string, unknown>) => s['router:external'])
  assert.deepEqual(await external('?sort_key=cidr', 'p:reader'), [false, true])
  assert.deepEqual(await external('', 'q:reader'), [true])
  assert.deepEqual(await external('?router:external=False', 'p:reader'), [false])
  assert.deepEqual((await cloud.ask('PUT', `/v2.0/subnets/${made.body.subnet.id}`, { subnet: { name: 'x' } }, ADMIN)).body.subnet['router:external'], true)
  assert.equal((await cloud.ask('GET', '/v2.0/extensions/subnet-external-network')).status, 200)
})

test('what a network cannot be is refused in upstream\'s words', async () => {
  await using cloud = await neutronAlone()
  for (const [body, type, message] of [
    [{ networks: [] }, 'HTTPBadRequest', 'Resources required'],
    [{ net: {} }, 'HTTPBadRequest', 'Unable to find \'network\' in request body'],
    [{ network: { colour: 'red' } }, 'HTTPBadRequest', 'Unrecognized attribute(s) \'colour\''],
    [{ network: { admin_state_up: 'maybe' } }, 'HTTPBadRequest', 'Invalid input for admin_state_up. Reason: \'maybe\' cannot be converted to boolean.'],
    [{ network: { project_id: 'q' } }, 'HTTPBadRequest', 'Specifying \'project_id\' or \'tenant_id\' other than the authenticated project in request requires admin privileges'],
  ] as const) {
    const { status, body: refusal } = await cloud.ask('POST', '/v2.0/networks', body)
    assert.deepEqual([status, refusal.NeutronError.type, refusal.NeutronError.message], [400, type, message])
  }
})

test('lists are filtered by any of several values, sorted, paged with links both ways, and show the fields that were asked for', async () => {
  await using cloud = await neutronAlone()
  const made = await cloud.ask('POST', '/v2.0/networks', { networks: ['c', 'a', 'd', 'b'].map(name => ({ name, tags: [`t-${name}`, 'all'] })) })
  assert.equal(made.status, 201)
  const names = async (query: string) => ((await cloud.ask('GET', `/v2.0/networks?${query}`)).body.networks as { name: string }[]).map(network => network.name)
  assert.deepEqual(await names('sort_key=name'), ['a', 'b', 'c', 'd'])
  assert.deepEqual(await names('name=c&name=a&sort_key=name&sort_dir=desc'), ['c', 'a'])
  assert.deepEqual(await names('tags=all,t-b'), ['b'])
  assert.deepEqual(await names('tags-any=t-a,t-b&sort_key=name'), ['a', 'b'])
  assert.deepEqual(await names('not-tags=t-a&sort_key=name'), ['b', 'c', 'd'])
  assert.deepEqual(await names('admin_state_up=False'), [])
  assert.deepEqual((await cloud.ask('GET', '/v2.0/networks?name=a&fields=name&fields=mtu')).body, { networks: [{ name: 'a', mtu: 1450 }] })
  assert.equal((await cloud.ask('GET', '/v2.0/networks?colour=red')).status, 400)

  const pages: string[][] = []
  let link: string | undefined = '/v2.0/networks?sort_key=name&limit=3'
  let back: string | undefined
  while (link !== undefined) {
    const { body } = await cloud.ask('GET', link)
    pages.push(body.networks.map((network: { name: string }) => network.name))
    const links = (body.networks_links ?? []) as { rel: string, href: string }[]
    back = links.find(one => one.rel === 'previous')?.href
    link = links.find(one => one.rel === 'next')?.href.replace('http://cloud/networking', '')
  }
  assert.deepEqual(pages, [['a', 'b', 'c'], ['d']])
  assert.deepEqual((await cloud.ask('GET', back!.replace('http://cloud/networking', ''))).body.networks.map((network: { name: string }) => network.name), ['a', 'b', 'c'])
})

test('subnets of a network never overlap, and what contradicts itself is refused', async () => {
  await using cloud = await neutronAlone()
  const { id: network_id } = await cloud.make('network', {})
  const { id } = await cloud.make('subnet', { network_id, ip_version: 4, cidr: '10.0.0.0/24' })
  for (const [subnet, status, type] of [
    [{ cidr: '10.0.0.128/25' }, 400, 'InvalidInput'], [{ cidr: '10.0.0.0/8' }, 400, 'InvalidInput'], [{ cidr: 'fd00::/64' }, 400, 'InvalidInput'],
    [{ cidr: '10.1.0.0/24', gateway_ip: '10.2.0.1' }, 400, 'InvalidInput'], [{ cidr: '10.1.0.0/24', allocation_pools: [{ start: '10.1.0.1', end: '10.1.0.9' }] }, 409, 'GatewayConflictWithAllocationPools'],
    [{ cidr: '10.1.0.0/24', allocation_pools: [{ start: '10.1.1.2', end: '10.1.1.9' }] }, 400, 'OutOfBoundsAllocationPool'],
    [{ cidr: '10.1.0.0/24', allocation_pools: [{ start: '10.1.0.9', end: '10.1.0.2' }] }, 400, 'InvalidAllocationPool'],
    [{ cidr: '10.1.0.0/24', allocation_pools: [{ start: '10.1.0.2', end: '10.1.0.9' }, { start: '10.1.0.5', end: '10.1.0.20' }] }, 409, 'OverlappingAllocationPools'],
  ] as const) {
    const answer = await cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id, ip_version: 4, ...subnet } })
    assert.deepEqual([answer.status, answer.body.NeutronError?.type], [status, type], JSON.stringify(subnet))
  }
  const both = await Promise.all([0, 1].map(() => cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id, ip_version: 4, cidr: '10.9.0.0/24' } })))
  assert.deepEqual(both.map(answer => answer.status).toSorted((a, b) => a - b), [201, 400])
  assert.equal((await cloud.ask('DELETE', `/v2.0/subnets/${id}`)).status, 204)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('quota is the sum of the rows, and two at once never go beyond it', async () => {
  await using cloud = await neutronAlone()
  assert.equal((await cloud.ask('PUT', '/v2.0/quotas/p', { quota: { network: 2 } })).status, 403)
  assert.equal((await cloud.ask('PUT', '/v2.0/quotas/p', { quota: { network: 2 } }, ADMIN)).body.quota.network, 2)
  const answers = await Promise.all([1, 2, 3].map(() => cloud.ask('POST', '/v2.0/networks', { network: {} })))
  assert.deepEqual(answers.map(answer => answer.status).toSorted((a, b) => a - b), [201, 201, 409])
  assert.deepEqual(answers.find(answer => answer.status === 409)!.body, error('OverQuota', 'Quota exceeded for resources: [\'network\'].'))
  assert.deepEqual((await cloud.ask('GET', '/v2.0/quotas/p/details.json', undefined, { as: 'p:manager,member,reader' })).body.quota.network, { used: 2, limit: 2, reserved: 0 })
  assert.equal((await cloud.ask('DELETE', '/v2.0/quotas/p', undefined, ADMIN)).status, 204)
  assert.equal((await cloud.ask('POST', '/v2.0/networks', { network: {} })).status, 201)
  assert.deepEqual(await cloud.neutron.audit(), [])
})

test('a change can be made to depend on the revision; tags come and go', async () => {
  await using cloud = await neutronAlone()
  const { id } = await cloud.make('network', {})
  const change = (revision: number) => cloud.ask('PUT', `/v2.0/networks/${id}`, { network: { name: `at-${revision}` } }, { headers: { 'if-match': `revision_number=${revision}` } })
  assert.deepEqual([(await change(1)).status, (await change(1)).status, (await change(2)).body.network.revision_number], [200, 412, 3])

  assert.deepEqual((await cloud.ask('PUT', `/v2.0/networks/${id}/tags`, { tags: ['a', 'b', 'a'] })).body, { tags: ['a', 'b'] })
  assert.equal((await cloud.ask('PUT', `/v2.0/networks/${id}/tags/c`)).status, 201)
  assert.equal((await cloud.ask('GET', `/v2.0/networks/${id}/tags/c`)).status, 204)
  assert.equal((await cloud.ask('DELETE', `/v2.0/networks/${id}/tags/a`)).status, 204)
  assert.equal((await cloud.ask('DELETE', `/v2.0/networks/${id}/tags/a`)).status, 404)
  assert.deepEqual((await cloud.ask('GET', `/v2.0/networks/${id}/tags`)).body, { tags: ['b', 'c'] })
  assert.equal((await cloud.ask('PUT', `/v2.0/networks/${id}/tags/x`, undefined, { as: 'q:member' })).status, 404)
})

test('clients find the version, the resources and the extensions', async () => {
  await using cloud = await neutronAlone()
  assert.deepEqual((await cloud.ask('GET', '/', undefined, { as: undefined })).body, { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: 'http://cloud/networking/v2.0/' }] }] })
  for (const path of ['/v2.0', '/v2.0/', '/v2.0/extensions', '/v2.0/extensions/router']) assert.equal((await cloud.ask('GET', path)).status, 200, path)
  assert.equal((await cloud.ask('GET', '/v2.0/extensions/time-travel')).status, 404)
  assert.deepEqual((await cloud.ask('GET', '/v2.0/nowhere')).body, error('HTTPNotFound', 'The resource could not be found.'))
})

test('a subnet with DHCP is where guests can live: no loopback, no multicast', async () => {
  await using cloud = await neutronAlone()
  const { id: network_id } = await cloud.make('network', { name: 'n' })
  for (const [cidr, name] of [['127.0.0.0/8', 'Loopback'], ['224.0.0.0/4', 'Multicast']]) {
    const answer = await cloud.ask('POST', '/v2.0/subnets', { subnet: { network_id, ip_version: 4, cidr } })
    assert.deepEqual([answer.status, answer.body.NeutronError.message], [400, `Invalid input for operation: ${name} IP subnet is not supported if enable_dhcp is True.`])
  }
})

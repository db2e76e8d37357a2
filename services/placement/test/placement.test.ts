// Placement through its API: providers, inventories, claims, candidates; whole answers.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { placementAlone } from './cloud.ts'

const [C1, C2, C3] = ['c0000000-0000-4000-8000-000000000001', 'c0000000-0000-4000-8000-000000000002', 'c0000000-0000-4000-8000-000000000003'] as const
const AGGREGATE = 'a0000000-0000-4000-8000-000000000001'
const claim = (holdings: Record<string, Record<string, number>>, generation: number | null = null) => ({
  allocations: Object.fromEntries(Object.entries(holdings).map(([id, resources]) => [id, { resources }])), project_id: 'p1', user_id: 'u1', consumer_generation: generation, consumer_type: 'INSTANCE',
})

test('a provider lives: made, shown, found by name, renamed, removed', async () => {
  await using cloud = await placementAlone()
  const made = await cloud.ask('POST', '/resource_providers', { name: 'host1' })
  const { uuid } = made.body
  const self = `/placement/resource_providers/${uuid}`
  const shape = {
    uuid, name: 'host1', generation: 0, parent_provider_uuid: null, root_provider_uuid: uuid,
    links: [{ rel: 'self', href: self }, ...['inventories', 'usages', 'aggregates', 'traits', 'allocations'].map(rel => ({ rel, href: `${self}/${rel}` }))],
  }
  assert.deepEqual([made.status, made.body, made.headers['location'], made.headers['cache-control']], [200, shape, self, 'no-cache'])
  assert.deepEqual((await cloud.ask('GET', '/resource_providers?name=host1')).body, { resource_providers: [shape] })
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${uuid}`, undefined, { version: '1.0' })).body, { uuid, name: 'host1', generation: 0, links: shape.links.slice(0, 3) })
  const again = await cloud.ask('POST', '/resource_providers', { name: 'host1' })
  assert.deepEqual([again.status, again.body.errors[0].code, again.body.errors[0].title], [409, 'placement.duplicate_name', 'Conflict'])
  assert.deepEqual((await cloud.ask('PUT', `/resource_providers/${uuid}`, { name: 'host9' })).body, { ...shape, name: 'host9' })
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${uuid}`)).status, 204)
  const { status, body } = await cloud.ask('GET', `/resource_providers/${uuid}`)
  assert.deepEqual([status, body], [404, { errors: [{ status: 404, title: 'Not Found', detail: `The resource could not be found.\n\n No resource provider with uuid ${uuid} found  `, code: 'placement.resource_provider.not_found', request_id: body.errors[0].request_id }] }])
})

test('before 1.20 a new provider is answered with 201 and its address alone', async () => {
  await using cloud = await placementAlone()
  const made = await cloud.ask('POST', '/resource_providers', { name: 'host1' }, { version: '1.19' })
  assert.deepEqual([made.status, made.body, made.headers['location']?.startsWith('/placement/resource_providers/')], [201, undefined, true])
})

test('inventories change only at the generation that their author has seen', async () => {
  await using cloud = await placementAlone()
  const uuid = await cloud.host('host1')
  const vcpu = { total: 8, reserved: 0, min_unit: 1, max_unit: 2147483647, step_size: 1, allocation_ratio: 1 }
  const memory = { ...vcpu, total: 1024, reserved: 24, max_unit: 1024 }
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${uuid}/inventories`)).body, { resource_provider_generation: 1, inventories: { MEMORY_MB: memory, VCPU: vcpu } })
  const stale = await cloud.ask('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 0, inventories: {} })
  assert.deepEqual([stale.status, stale.body.errors[0].code], [409, 'placement.concurrent_update'])
  assert.deepEqual((await cloud.ask('PUT', `/resource_providers/${uuid}/inventories/VCPU`, { resource_provider_generation: 1, total: 4, allocation_ratio: 16 })).body, { resource_provider_generation: 2, ...vcpu, total: 4, allocation_ratio: 16 })
  assert.deepEqual((await cloud.ask('POST', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 2, resource_class: 'DISK_GB', total: 100 })).body, { resource_provider_generation: 3, ...vcpu, total: 100 })
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${uuid}/inventories/DISK_GB`)).status, 204)
  assert.equal((await cloud.ask('GET', `/resource_providers/${uuid}/inventories/DISK_GB`)).status, 404)
  const unknown = await cloud.ask('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 4, inventories: { CUSTOM_NOTHING: { total: 1 } } })
  assert.equal(unknown.status, 400)
})

test('a claim is held, shown, counted, and given back; what is in use stays', async () => {
  await using cloud = await placementAlone()
  const uuid = await cloud.host('host1')
  assert.equal((await cloud.ask('PUT', `/allocations/${C1}`, claim({ [uuid]: { VCPU: 2, MEMORY_MB: 512 } }))).status, 204)
  assert.deepEqual((await cloud.ask('GET', `/allocations/${C1}`)).body, {
    allocations: { [uuid]: { generation: 2, resources: { VCPU: 2, MEMORY_MB: 512 } } }, project_id: 'p1', user_id: 'u1', consumer_generation: 1, consumer_type: 'INSTANCE',
  })
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${uuid}/allocations`)).body, { resource_provider_generation: 2, allocations: { [C1]: { resources: { VCPU: 2, MEMORY_MB: 512 }, consumer_generation: 1 } } })
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${uuid}/usages`)).body, { resource_provider_generation: 2, usages: { MEMORY_MB: 512, VCPU: 2 } })
  assert.deepEqual((await cloud.ask('GET', '/usages?project_id=p1')).body, { usages: { INSTANCE: { consumer_count: 1, MEMORY_MB: 512, VCPU: 2 } } })
  assert.deepEqual((await cloud.ask('GET', '/usages?project_id=p1', undefined, { version: '1.37', token: 'p1:reader' })).body, { usages: { MEMORY_MB: 512, VCPU: 2 } })
  const gone = await cloud.ask('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 2, inventories: { VCPU: { total: 8 } } })
  assert.deepEqual([gone.status, gone.body.errors[0].code], [409, 'placement.inventory.inuse'])
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${uuid}`)).body.errors[0].code, 'placement.resource_provider.inuse')
  assert.deepEqual(await cloud.placement.audit(), [])
  assert.equal((await cloud.ask('DELETE', `/allocations/${C1}`)).status, 204)
  assert.equal((await cloud.ask('DELETE', `/allocations/${C1}`)).status, 404)
  assert.deepEqual((await cloud.ask('GET', `/allocations/${C1}`)).body, { allocations: {} })
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${uuid}`)).status, 204)
})

test('a claim names the generation of its consumer, and a stale one is refused', async () => {
  await using cloud = await placementAlone()
  const uuid = await cloud.host('host1')
  const put = async (generation: number | null, vcpus: number) => (await cloud.ask('PUT', `/allocations/${C1}`, claim({ [uuid]: { VCPU: vcpus } }, generation))).status
  assert.deepEqual([await put(1, 1), await put(null, 1), await put(null, 2), await put(1, 2), await put(1, 3), await put(2, 1)], [409, 204, 409, 204, 409, 204])
})

test('a claim beyond what is free, outside the units, or of nothing there is takes nothing', async () => {
  await using cloud = await placementAlone()
  const [one, two] = [await cloud.host('host1'), await cloud.host('host2')]
  for (const wanted of [{ [one]: { VCPU: 9 } }, { [one]: { VCPU: 1 }, [two]: { VCPU: 9 } }, { [one]: { MEMORY_MB: 1001 } }, { [one]: { FPGA: 1 } }]) {
    assert.equal((await cloud.ask('PUT', `/allocations/${C1}`, claim(wanted))).status, 409, JSON.stringify(wanted))
  }
  assert.equal((await cloud.ask('PUT', `/allocations/${C1}`, claim({ [C2]: { VCPU: 1 } }))).status, 400)
  for (const id of [one, two]) assert.deepEqual((await cloud.ask('GET', `/resource_providers/${id}/usages`)).body.usages, { MEMORY_MB: 0, VCPU: 0 })
})

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`of two claims at once for the last unit one wins, and the counter is the sum of the rows (${name})`, async () => {
    await using database = await open(migrations)
    await using cloud = await placementAlone(database.db)
    const uuid = await cloud.host('host1', 3)
    const claims = [C1, C2, C3].map(id => cloud.ask('PUT', `/allocations/${id}`, claim({ [uuid]: { VCPU: 2 } })))
    assert.deepEqual((await Promise.all(claims)).map(a => a.status).toSorted((a, b) => a - b), [204, 409, 409])
    assert.deepEqual((await cloud.ask('GET', `/resource_providers/${uuid}/usages`)).body.usages, { MEMORY_MB: 0, VCPU: 2 })
    assert.deepEqual(await cloud.placement.audit(), [])
  })
}

test('several consumers change at once, all or none: a move between full hosts goes through', async () => {
  await using cloud = await placementAlone()
  const [one, two] = [await cloud.host('host1', 2), await cloud.host('host2', 2)]
  await cloud.ask('PUT', `/allocations/${C1}`, claim({ [one]: { VCPU: 2 } }))
  await cloud.ask('PUT', `/allocations/${C2}`, claim({ [two]: { VCPU: 2 } }))
  assert.equal((await cloud.ask('POST', '/allocations', { [C1]: claim({ [two]: { VCPU: 2 } }, 1), [C2]: claim({ [one]: { VCPU: 2 } }, 1) })).status, 204)
  assert.deepEqual(Object.keys((await cloud.ask('GET', `/allocations/${C1}`)).body.allocations), [two])
  assert.equal((await cloud.ask('POST', '/allocations', { [C1]: claim({}, 2), [C3]: claim({ [one]: { VCPU: 1 } }) })).status, 409)
  assert.equal((await cloud.ask('GET', `/allocations/${C1}`)).body.consumer_generation, 2)
  assert.deepEqual(await cloud.placement.audit(), [])
})

test('what has shrunk below its use can still be given back in part', async () => {
  await using cloud = await placementAlone()
  const uuid = await cloud.host('host1')
  await cloud.ask('PUT', `/allocations/${C1}`, claim({ [uuid]: { VCPU: 8 } }))
  await cloud.ask('PUT', `/resource_providers/${uuid}/inventories/VCPU`, { resource_provider_generation: 2, total: 2 })
  assert.equal((await cloud.ask('PUT', `/allocations/${C1}`, claim({ [uuid]: { VCPU: 4 } }, 1))).status, 204)
})

test('candidates say what each host could give, what it has, and who serves which group', async () => {
  await using cloud = await placementAlone()
  const [one, two] = [await cloud.host('host1'), await cloud.host('host2', 1)]
  const summary = (uuid: string, vcpus: number, traits: string[]) => ({ resources: { VCPU: { capacity: vcpus, used: 0 }, MEMORY_MB: { capacity: 1000, used: 0 } }, traits, parent_provider_uuid: null, root_provider_uuid: uuid })
  assert.deepEqual((await cloud.ask('GET', '/allocation_candidates?resources=VCPU:2,MEMORY_MB:256')).body, {
    allocation_requests: [{ allocations: { [one]: { resources: { VCPU: 2, MEMORY_MB: 256 } } }, mappings: { '': [one] } }], provider_summaries: { [one]: summary(one, 8, []) },
  })
  await cloud.ask('PUT', '/traits/CUSTOM_FAST')
  await cloud.ask('PUT', `/resource_providers/${two}/traits`, { traits: ['CUSTOM_FAST', 'COMPUTE_NODE'], resource_provider_generation: 1 })
  await cloud.ask('PUT', `/resource_providers/${two}/aggregates`, { aggregates: [AGGREGATE], resource_provider_generation: 2 })
  for (const query of ['required=CUSTOM_FAST', `member_of=${AGGREGATE}`, `in_tree=${two}`, 'required=in:CUSTOM_FAST,HW_CPU_X86_AVX', 'root_required=COMPUTE_NODE']) {
    assert.deepEqual(Object.keys((await cloud.ask('GET', `/allocation_candidates?resources=VCPU:1&${query}`)).body.provider_summaries), [two], query)
  }
  assert.equal((await cloud.ask('GET', '/allocation_candidates?resources=VCPU:1&limit=1')).body.allocation_requests.length, 1)
  assert.deepEqual((await cloud.ask('GET', '/allocation_candidates?resources=VCPU:5', undefined, { version: '1.10' })).body, {
    allocation_requests: [{ allocations: [{ resource_provider: { uuid: one }, resources: { VCPU: 5 } }] }], provider_summaries: { [one]: { resources: { VCPU: { capacity: 8, used: 0 } } } },
  })
  assert.equal((await cloud.ask('GET', '/allocation_candidates?resources=SPAM:1')).body.errors[0].code, 'placement.query.bad_value')
  assert.equal((await cloud.ask('GET', '/allocation_candidates?resources=VCPU:1&required=CUSTOM_SPAM')).status, 400)
})

test('a list of candidates and one of providers take as many statements for many hosts as for one', async () => {
  await using cloud = await placementAlone()
  const count = async (path: string) => { const before = cloud.db.statements; await cloud.ask('GET', path); return cloud.db.statements - before }
  await cloud.host('host0')
  const few = [await count('/allocation_candidates?resources=VCPU:1'), await count('/resource_providers')]
  for (let i = 1; i < 6; i++) await cloud.host(`host${i}`)
  assert.deepEqual([await count('/allocation_candidates?resources=VCPU:1'), await count('/resource_providers')], few)
})

test('providers nest; a parent stays while it has children; no tree has a circle', async () => {
  await using cloud = await placementAlone()
  const root = await cloud.host('root')
  const make = async (name: string, parent: string) => (await cloud.ask('POST', '/resource_providers', { name, parent_provider_uuid: parent })).body.uuid as string
  const child = await make('child', root)
  const leaf = await make('leaf', child)
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${child}`)).body.errors[0].code, 'placement.resource_provider.cannot_delete_parent')
  assert.equal((await cloud.ask('PUT', `/resource_providers/${root}`, { name: 'root', parent_provider_uuid: leaf })).status, 400)
  assert.equal((await cloud.ask('PUT', `/resource_providers/${child}`, { name: 'child', parent_provider_uuid: null }, { version: '1.36' })).status, 400)
  assert.equal((await cloud.ask('PUT', `/resource_providers/${child}`, { name: 'child', parent_provider_uuid: null })).status, 200)
  assert.equal((await cloud.ask('GET', `/resource_providers/${leaf}`)).body.root_provider_uuid, child)
  assert.deepEqual((await cloud.ask('GET', `/resource_providers?in_tree=${leaf}`)).body.resource_providers.map((p: { name: string }) => p.name), ['child', 'leaf'])
  assert.deepEqual(await cloud.placement.audit(), [])
})

test('resource classes and traits of the site come and go; the standard ones stay', async () => {
  await using cloud = await placementAlone()
  const uuid = await cloud.host('host1')
  for (const [what, custom, standard] of [['resource_classes', 'CUSTOM_GOLD', 'VCPU'], ['traits', 'CUSTOM_GOLD', 'HW_CPU_X86_AVX']] as const) {
    assert.deepEqual([(await cloud.ask('PUT', `/${what}/${custom}`)).status, (await cloud.ask('PUT', `/${what}/${custom}`)).status], [201, 204])
    assert.equal((await cloud.ask('PUT', `/${what}/GOLD`)).status, 400)
    assert.equal((await cloud.ask('DELETE', `/${what}/${standard}`)).status, 400)
  }
  await cloud.ask('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 1, inventories: { CUSTOM_GOLD: { total: 3 } } })
  assert.deepEqual((await cloud.ask('PUT', `/resource_providers/${uuid}/traits`, { traits: ['CUSTOM_GOLD'], resource_provider_generation: 2 })).body, { traits: ['CUSTOM_GOLD'], resource_provider_generation: 3 })
  assert.deepEqual([(await cloud.ask('DELETE', '/traits/CUSTOM_GOLD')).status, (await cloud.ask('DELETE', '/resource_classes/CUSTOM_GOLD')).status], [409, 409])
  assert.deepEqual((await cloud.ask('GET', '/traits?name=startswith:CUSTOM&associated=true')).body, { traits: ['CUSTOM_GOLD'] })
  assert.equal((await cloud.ask('DELETE', `/resource_providers/${uuid}/traits`)).status, 204)
  assert.equal((await cloud.ask('DELETE', '/traits/CUSTOM_GOLD')).status, 204)
  assert.deepEqual((await cloud.ask('GET', '/resource_classes/VCPU')).body, { name: 'VCPU', links: [{ rel: 'self', href: '/placement/resource_classes/VCPU' }] })
})

test('inventory moves to a new child with the allocations against it', async () => {
  await using cloud = await placementAlone()
  const root = await cloud.host('root')
  const { body: { uuid: child } } = await cloud.ask('POST', '/resource_providers', { name: 'numa0', parent_provider_uuid: root })
  await cloud.ask('PUT', `/allocations/${C1}`, claim({ [root]: { VCPU: 2, MEMORY_MB: 256 } }))
  const inventories = { [root]: { resource_provider_generation: 2, inventories: { MEMORY_MB: { total: 1024 } } }, [child]: { resource_provider_generation: 0, inventories: { VCPU: { total: 8 } } } }
  assert.equal((await cloud.ask('POST', '/reshaper', { inventories, allocations: {} })).status, 409)
  assert.equal((await cloud.ask('POST', '/reshaper', { inventories, allocations: { [C1]: claim({ [root]: { MEMORY_MB: 256 }, [child]: { VCPU: 2 } }, 1) } })).status, 204)
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${child}/usages`)).body.usages, { VCPU: 2 })
  assert.deepEqual((await cloud.ask('GET', `/resource_providers/${root}/usages`)).body.usages, { MEMORY_MB: 256 })
  assert.deepEqual(await cloud.placement.audit(), [])
})

test('nobody is asked to log in, a reader of a project is refused, the root is for all', async () => {
  await using cloud = await placementAlone()
  assert.deepEqual((await cloud.ask('GET', '/', undefined, { token: undefined })).body, { versions: [{ id: 'v1.0', status: 'CURRENT', min_version: '1.0', max_version: '1.39', links: [{ rel: 'self', href: 'http://cloud/placement/' }] }] })
  assert.equal((await cloud.ask('GET', '/resource_providers', undefined, { token: undefined })).status, 401)
  assert.equal((await cloud.ask('GET', '/resource_providers', undefined, { token: 'p1:reader' })).status, 403)
  assert.equal((await cloud.ask('GET', '/usages?project_id=p2', undefined, { token: 'p1:reader' })).status, 403)
  assert.equal((await cloud.ask('GET', '/resource_providers', undefined, { token: 'admin:admin' })).status, 200)
  assert.equal((await cloud.ask('GET', '/resource_providers', undefined, { version: '1.40' })).status, 406)
  assert.deepEqual([(await cloud.ask('GET', '/traits', undefined, { version: '1.5' })).status, (await cloud.ask('GET', '/traits', undefined, { version: '1.6' })).status], [404, 200])
  for (const bad of [{}, { name: 7 }, { name: '' }, { name: 'x', spam: 1 }, []]) assert.equal((await cloud.ask('POST', '/resource_providers', bad)).status, 400, JSON.stringify(bad))
})

// Metadata definitions over HTTP: namespaces and what they hold, who sees and changes them, and those that come with Glance.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSqlite } from '@alto/kit/db'
import { defaultNamespaces } from '../manager/metadefs/defaults.ts'
import type { Tables } from '../index.ts'
import { glanceAlone } from './cloud.ts'

const NAMESPACES = '/v2/metadefs/namespaces'
const CPU = { title: 'CPUs', type: 'integer', minimum: 1 }
const BODY = {
  namespace: 'A::B', display_name: 'AB', visibility: 'public', resource_type_associations: [{ name: 'OS::X', prefix: 'p_' }], properties: { cpu: CPU },
  objects: [{ name: 'o1', required: ['a'], properties: { a: { title: 'A', type: 'string' } } }], tags: [{ name: 't1' }],
}

async function withNamespace(more: Record<string, unknown> = {}) {
  const cloud = await glanceAlone()
  const admin = cloud.as('p0:admin')
  await cloud.clock.advance(1000)                                  // after those that come with Glance
  assert.equal((await admin('POST', NAMESPACES, { body: { ...BODY, ...more } })).status, 201)
  return { cloud, admin, member: cloud.as('p1:member'), [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() }
}

test('a namespace is made with all that it holds, shown whole, and with the names that its properties have on a resource type', async () => {
  await using cloud = await glanceAlone()
  const admin = cloud.as('p0:admin')
  const made = await admin('POST', NAMESPACES, { body: BODY })
  assert.deepEqual([made.status, made.headers['location']], [201, 'http://cloud/image/v2/metadefs/namespaces/A%3A%3AB'])
  const { body } = await admin('GET', `${NAMESPACES}/A::B`)
  assert.deepEqual(made.body, body)
  const { created_at: at, objects: [object], resource_type_associations: [association], ...rest } = body
  assert.deepEqual(rest, {
    namespace: 'A::B', display_name: 'AB', visibility: 'public', protected: false, owner: 'p0', updated_at: at, self: '/v2/metadefs/namespaces/A::B', schema: '/v2/schemas/metadefs/namespace',
    properties: { cpu: CPU }, tags: [{ name: 't1' }],
  })
  assert.deepEqual(object, { ...BODY.objects[0], created_at: at, updated_at: at, self: '/v2/metadefs/namespaces/A::B/objects/o1', schema: '/v2/schemas/metadefs/object' })
  assert.deepEqual(association, { name: 'OS::X', prefix: 'p_', created_at: at, updated_at: at })
  const onX = (await admin('GET', `${NAMESPACES}/A::B?resource_type=OS::X`)).body
  assert.deepEqual([onX.properties, onX.objects[0].required, Object.keys(onX.objects[0].properties)], [{ p_cpu: CPU }, ['p_a'], ['p_a']])
})

test('namespaces are listed with their associations, filtered, sorted and paged', async () => {
  await using at = await withNamespace()
  for (const name of ['C', 'D']) {
    await at.cloud.clock.advance(1000)
    await at.admin('POST', NAMESPACES, { body: { namespace: name } })
  }
  const list = async (query: string) => (await at.admin('GET', `${NAMESPACES}?${query}`)).body
  const names = async (query: string) => (await list(query)).namespaces.map((one: { namespace: string }) => one.namespace) as string[]
  assert.deepEqual((await names('limit=3')), ['D', 'C', 'A::B'])
  const page = await list('limit=2')
  assert.deepEqual([page.first, page.next, page.schema], ['/v2/metadefs/namespaces?limit=2', '/v2/metadefs/namespaces?limit=2&marker=C', '/v2/schemas/metadefs/namespaces'])
  assert.equal((await names('limit=2&marker=C'))[0], 'A::B')
  assert.deepEqual(await names('resource_types=OS::X,OS::Y'), ['A::B'])
  assert.deepEqual(await names('visibility=private'), ['D', 'C'])
  assert.equal((await names('sort_key=namespace&sort_dir=asc'))[0], 'A::B')
  assert.deepEqual((await list('limit=0')).namespaces, [])
  for (const [query, said] of [['limit=x', 'limit param must be an integer'], ['limit=-1', 'limit param must be positive'], ['sort_dir=up', 'Invalid sort direction: up'], ['visibility=shared', 'Invalid visibility value: shared']] as const) {
    const refused = await at.admin('GET', `${NAMESPACES}?${query}`)
    assert.deepEqual([refused.status, at.cloud.said(refused)], [400, said], query)
  }
  assert.equal((await at.admin('GET', `${NAMESPACES}?sort_key=owner;drop`)).status, 400)
  assert.equal((await at.admin('GET', `${NAMESPACES}?marker=nothing`)).status, 404)
})

test('a namespace is renamed with what it holds, kept while it is protected, and removed with all', async () => {
  await using at = await withNamespace({ protected: true })
  assert.deepEqual([(await at.admin('DELETE', `${NAMESPACES}/A::B`)).status, (await at.admin('POST', NAMESPACES, { body: { namespace: 'A::B' } })).status], [403, 409])
  await at.admin('POST', NAMESPACES, { body: { namespace: 'C' } })
  assert.equal((await at.admin('PUT', `${NAMESPACES}/A::B`, { body: { namespace: 'C' } })).status, 409)
  const renamed = await at.admin('PUT', `${NAMESPACES}/A::B`, { body: { namespace: 'A::D' } })
  assert.deepEqual([renamed.status, renamed.body.visibility, renamed.body.protected, renamed.body.display_name], [200, 'private', false, undefined])
  assert.deepEqual((await at.admin('GET', `${NAMESPACES}/A::D/tags`)).body, { tags: [{ name: 't1' }] })
  assert.equal((await at.admin('DELETE', `${NAMESPACES}/A::D`)).status, 204)
  assert.equal((await at.admin('GET', `${NAMESPACES}/A::D`)).status, 404)
  assert.deepEqual(await at.cloud.db.read(tx => tx.selectFrom('metadef_definitions').select('name').where('name', 'in', ['t1', 'o1', 'cpu']).execute()), [])
})

test('objects, properties, tags and associations are made, shown, changed and removed', async () => {
  await using at = await withNamespace()
  const below = `${NAMESPACES}/A::B`
  for (const [path, body, changed, name, other] of [
    [`${below}/objects`, { name: 'o2', properties: { q: CPU } }, { name: 'o3', description: 'other' }, 'o2', 'o3'],
    [`${below}/properties`, { name: 'p2', title: 'P', type: 'string', enum: ['x'], operators: ['<or>'] }, { name: 'p3', title: 'Q', type: 'boolean' }, 'p2', 'p3'],
  ] as const) {
    const made = await at.admin('POST', path, { body })
    assert.equal(made.status, 201)
    assert.deepEqual([made.body.name, (await at.admin('GET', `${path}/${name}`)).body], [name, made.body])
    assert.equal((await at.admin('POST', path, { body })).status, 409)
    const next = await at.admin('PUT', `${path}/${name}`, { body: changed })
    assert.deepEqual([next.status, next.body.name, (await at.admin('GET', `${path}/${name}`)).status, (await at.admin('GET', `${path}/${other}`)).body], [200, other, 404, next.body])
    assert.deepEqual([(await at.admin('DELETE', `${path}/${other}`)).status, (await at.admin('DELETE', `${path}/${other}`)).status], [204, 404])
  }
  assert.equal((await at.admin('GET', `${below}/properties/p_cpu?resource_type=OS::X`)).body.name, 'cpu')
  assert.equal(at.cloud.said(await at.admin('GET', `${below}/properties/cpu?resource_type=OS::X`)), "Property cpu does not start with the expected resource type association prefix of &#x27;p_&#x27;.")
  assert.equal((await at.admin('GET', `${below}/properties/cpu?resource_type=OS::Z`)).status, 404)
  assert.equal((await at.admin('POST', `${below}/resource_types`, { body: { name: 'OS::Y' } })).status, 201)
  assert.ok((await at.admin('GET', '/v2/metadefs/resource_types')).body.resource_types.some((one: { name: string }) => one.name === 'OS::Y'))
  assert.deepEqual([(await at.admin('DELETE', `${below}/resource_types/OS::Y`)).status, (await at.admin('DELETE', `${below}/resource_types/OS::Y`)).status], [204, 404])
  for (const kind of ['objects', 'properties', 'tags']) assert.equal((await at.admin('DELETE', `${below}/${kind}`)).status, 204)
  assert.deepEqual([(await at.admin('GET', `${below}/objects`)).body.objects, (await at.admin('GET', `${below}/properties`)).body], [[], { properties: {} }])
})

test('tags come in bulk, in place of others or besides them, and differ in more than their case', async () => {
  await using at = await withNamespace()
  const path = `${NAMESPACES}/A::B/tags`
  const names = async (query = '') => (await at.admin('GET', `${path}${query}`)).body.tags.map((tag: { name: string }) => tag.name) as string[]
  assert.equal((await at.admin('POST', path, { body: { tags: [{ name: 'a1' }, { name: 'a2' }] } })).status, 201)
  assert.deepEqual(await names(), ['a2', 'a1'])
  await at.admin('POST', path, { body: { tags: [{ name: 'a3' }] }, headers: { 'x-openstack-append': 'true' } })
  assert.deepEqual([await names('?sort_key=name&sort_dir=asc'), await names('?limit=1&sort_key=name&sort_dir=asc&marker=a1')], [['a1', 'a2', 'a3'], ['a2']])
  for (const [body, headers] of [[{ tags: [{ name: 'A1' }] }, { 'x-openstack-append': 'true' }], [{ tags: [{ name: 'b' }, { name: 'B' }] }, {}]] as const) assert.equal((await at.admin('POST', path, { body, headers })).status, 409)
  assert.deepEqual((await names()).length, 3, 'a refused bulk changes nothing')
  assert.equal((await at.admin('POST', `${path}/one`)).status, 201)
  assert.equal((await at.admin('PUT', `${path}/one`, { body: { name: 'ONE' } })).body.name, 'ONE')
  assert.equal((await at.admin('PUT', `${path}/one`, { body: { name: 'a1' } })).status, 409)
  assert.equal((await at.admin('POST', `${path}/${'x'.repeat(81)}`)).status, 400)
})

test('members see public namespaces and change none; private ones of others are not there for them', async () => {
  await using at = await withNamespace()
  await at.admin('POST', NAMESPACES, { body: { ...BODY, namespace: 'secret', visibility: 'private' } })
  await at.admin('POST', NAMESPACES, { body: { ...BODY, namespace: 'own', visibility: 'private', owner: 'p1' } })
  const seen = (await at.member('GET', `${NAMESPACES}?limit=100`)).body.namespaces.map((one: { namespace: string }) => one.namespace) as string[]
  assert.deepEqual(seen.filter(name => !name.startsWith('OS::')).toSorted(), ['A::B', 'own'])
  const tries = (namespace: string) => [
    ['GET', ''], ['PUT', '', { namespace: 'stolen' }], ['DELETE', ''], ['GET', '/objects'], ['GET', '/objects/o1'], ['POST', '/objects', { name: 'x' }], ['PUT', '/objects/o1', { name: 'x' }], ['DELETE', '/objects/o1'], ['DELETE', '/objects'],
    ['GET', '/properties'], ['GET', '/properties/cpu'], ['GET', '/properties/p_cpu?resource_type=OS::X'], ['POST', '/properties', { name: 'x', ...CPU }], ['PUT', '/properties/cpu', { name: 'x', ...CPU }], ['DELETE', '/properties/cpu'], ['DELETE', '/properties'],
    ['GET', '/tags'], ['GET', '/tags/t1'], ['POST', '/tags/x'], ['POST', '/tags', { tags: [] }], ['PUT', '/tags/t1', { name: 'x' }], ['DELETE', '/tags/t1'], ['DELETE', '/tags'],
    ['GET', '/resource_types'], ['POST', '/resource_types', { name: 'OS::N' }], ['DELETE', '/resource_types/OS::X'],
  ].map(([method, path, body]) => ({ method: method as string, path: `${NAMESPACES}/${namespace}${path as string}`, body }))
  for (const { method, path, body } of tries('secret')) assert.equal((await at.member(method, path, body === undefined ? {} : { body })).status, 404, `${method} ${path}`)
  for (const namespace of ['A::B', 'own']) {
    for (const { method, path, body } of tries(namespace)) assert.equal((await at.member(method, path, body === undefined ? {} : { body })).status, method === 'GET' ? 200 : 403, `${method} ${path}`)
  }
  assert.equal((await at.member('POST', NAMESPACES, { body: { namespace: 'mine' } })).status, 403)
})

test('bodies that make no sense are refused, and what only the service writes is named', async () => {
  await using at = await withNamespace()
  for (const body of [{}, { namespace: '' }, { namespace: 'a/b' }, { namespace: 'x'.repeat(81) }, { namespace: 'Z', foo: 1 }, { namespace: 'Z', visibility: 'shared' }, { namespace: 'Z', properties: { x: { type: 'string' } } }, { namespace: 'Z', tags: [{}] }]) {
    assert.equal((await at.admin('POST', NAMESPACES, { body })).status, 400, JSON.stringify(body))
  }
  for (const name of ['self', 'schema', 'created_at', 'updated_at']) {
    const refused = await at.admin('POST', NAMESPACES, { body: { namespace: 'Z', [name]: 'x' } })
    assert.deepEqual([refused.status, at.cloud.said(refused)], [403, `Attribute &#x27;${name}&#x27; is read-only.`])
  }
  for (const body of [{ name: 'x', title: 'X' }, { name: 'x', title: 'X', type: 'strange' }, { name: 'x', title: 'X', type: 'string', foo: 1 }, { title: 'X', type: 'string' }]) {
    assert.equal((await at.admin('POST', `${NAMESPACES}/A::B/properties`, { body })).status, 400, JSON.stringify(body))
  }
  assert.equal((await at.admin('POST', `${NAMESPACES}/A::B/objects`, { body: { name: 'o9', properties: { x: { title: 'X' } } } })).status, 400)
})

test('the namespaces that come with Glance are sound, there from the start, and stay as an operator left them', async () => {
  const db = openSqlite<Tables>(':memory:')
  const bodies = defaultNamespaces()
  assert.ok(bodies.length >= 15)
  {
    await using cloud = await glanceAlone({ db })
    const admin = cloud.as('p0:admin')
    for (const body of bodies) {
      const shown = await admin('GET', `${NAMESPACES}/${body.namespace}`)
      assert.deepEqual([shown.status, shown.body.visibility, shown.body.protected], [200, 'public', true], body.namespace)
      assert.equal((await admin('POST', NAMESPACES, { body: { ...body, namespace: `copy of ${body.namespace}`.slice(0, 80) } })).status, 201, body.namespace)
    }
    await admin('PUT', `${NAMESPACES}/OS::OperatingSystem`, { body: { namespace: 'OS::OperatingSystem', display_name: 'ours' } })
    await admin('PUT', `${NAMESPACES}/OS::Software`, { body: { namespace: 'OS::Software' } })
    assert.equal((await admin('DELETE', `${NAMESPACES}/OS::Software`)).status, 204)
  }
  await using again = await glanceAlone({ db, seed: 'again' })
  const admin = again.as('p0:admin')
  assert.deepEqual([(await admin('GET', `${NAMESPACES}/OS::OperatingSystem`)).body.display_name, (await admin('GET', `${NAMESPACES}/OS::Software`)).status], ['ours', 404])
})

test('the schemas of metadata definitions are there', async () => {
  await using cloud = await glanceAlone()
  for (const name of ['namespace', 'namespaces', 'resource_type', 'resource_types', 'object', 'objects', 'property', 'properties', 'tag', 'tags']) {
    const { status, body } = await cloud.as('p1:reader')('GET', `/v2/schemas/metadefs/${name}`)
    assert.deepEqual([status, typeof body.name, typeof body.properties], [200, 'string', 'object'], name)
  }
})

test('a namespace takes thousands of tags at once, and tells the one that is there twice', async () => {
  await using at = await withNamespace()
  const tags = Array.from({ length: 7000 }, (_, i) => ({ name: i.toString(36) }))
  assert.equal((await at.admin('POST', `${NAMESPACES}/A::B/tags`, { body: { tags } })).status, 201)
  const { length } = (await at.admin('GET', `${NAMESPACES}/A::B`)).body.tags
  assert.equal(length, 7000)
  const twice = await at.admin('POST', `${NAMESPACES}/A::B/tags`, { body: { tags: [...tags.slice(1), { name: 'ZZ' }] } })
  assert.equal(twice.status, 409)
  assert.match(at.cloud.said(twice) ?? '', /name=ZZ already exists/)
})

test('of many tags, some of which are there, one is named, as upstream names it', async () => {
  await using at = await withNamespace()
  const more = (names: string[], append: string) => at.admin('POST', `${NAMESPACES}/A::B/tags`, { body: { tags: names.map(name => ({ name })) }, headers: { 'x-openstack-append': append } })
  const refused = await more(['new', 'T1', 'newer'], 'true')
  assert.deepEqual([refused.status, at.cloud.said(refused)], [409, 'A metadata tag with name=T1 already exists in namespace=A::B. (Please note that metadata tag names are case insensitive).'])
  assert.deepEqual((await at.admin('GET', `${NAMESPACES}/A::B/tags`)).body, { tags: [{ name: 't1' }] })
  assert.equal((await more(['T1', 'new'], 'false')).status, 201)
})

test('a name that no path can have is refused wherever it is given, and any other is found under its own', async () => {
  await using at = await withNamespace()
  const below = `${NAMESPACES}/A::B`
  for (const name of ['.', '..', 'a/b', '/', '']) {
    const asked: [string, string, unknown][] = [
      ['POST', NAMESPACES, { namespace: name }], ['PUT', below, { namespace: name }], ['POST', NAMESPACES, { namespace: 'N', properties: { [name]: CPU } }], ['POST', NAMESPACES, { namespace: 'N', objects: [{ name }] }],
      ['POST', `${below}/objects`, { name }], ['PUT', `${below}/objects/o1`, { name }], ['POST', `${below}/properties`, { name, ...CPU }], ['PUT', `${below}/properties/cpu`, { name, ...CPU }],
      ['POST', `${below}/resource_types`, { name }], ['POST', `${below}/tags`, { tags: [{ name }] }], ['PUT', `${below}/tags/t1`, { name }],
    ]
    for (const [method, path, body] of asked) assert.equal((await at.admin(method, path, { body })).status, 400, `${method} ${path} ${name}`)
  }
  for (const name of ['...', '.a', '%2e%2e', 'a b', '?', '#', 'ä', '\\']) {
    const path = `${NAMESPACES}/${encodeURIComponent(name)}`
    assert.equal((await at.admin('POST', NAMESPACES, { body: { namespace: name, properties: { [name]: CPU } } })).status, 201, name)
    assert.equal((await at.admin('POST', `${path}/objects`, { body: { name } })).status, 201, name)
    for (const one of ['', `/objects/${encodeURIComponent(name)}`, `/properties/${encodeURIComponent(name)}`]) assert.equal((await at.admin('GET', `${path}${one}`)).status, 200, `${name}${one}`)
    assert.equal((await at.admin('DELETE', path)).status, 204, name)
  }
})

// Images' records through the API: made, shown, changed, listed, tagged, deleted.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { glanceAlone, patch } from './cloud.ts'

const WHEN = '2026-01-01T00:00:00Z'
const html = (status: string, sentence: string) => `<html>\n <head>\n  <title>${status}</title>\n </head>\n <body>\n  <h1>${status}</h1>\n  ${sentence}<br /><br />\n\n\n </body>\n</html>`

test('an image is made queued, shown, changed and deleted, and its id is not used again', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const made = await me('POST', '/v2/images', { body: { name: 'web', disk_format: 'qcow2', container_format: 'bare', tags: ['b', 'a', 'a'], hw_disk_bus: 'virtio', min_ram: 64 } })
  const { id } = made.body
  const shape = {
    hw_disk_bus: 'virtio', id, name: 'web', status: 'queued', visibility: 'shared', owner: 'p1', protected: false, os_hidden: false, disk_format: 'qcow2', container_format: 'bare', min_ram: 64, min_disk: 0,
    size: null, virtual_size: null, checksum: null, os_hash_algo: null, os_hash_value: null, tags: ['a', 'b'], created_at: WHEN, updated_at: WHEN,
    self: `/v2/images/${id}`, file: `/v2/images/${id}/file`, schema: '/v2/schemas/image',
  }
  assert.deepEqual([made.status, made.body, made.headers['location'], made.headers['openstack-image-import-methods']], [201, shape, `http://cloud/image/v2/images/${id}`, 'glance-direct,web-download,copy-image'])
  assert.deepEqual((await me('GET', `/v2/images/${id}`)).body, shape)
  const changed = await me('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/name', value: 'www' }, { op: 'add', path: '/a~1b', value: 'x' }, { op: 'remove', path: '/hw_disk_bus' }, { op: 'replace', path: '/tags', value: ['c'] }))
  const { hw_disk_bus: _gone, ...rest } = shape
  assert.deepEqual([changed.status, changed.body], [200, { ...rest, 'a/b': 'x', name: 'www', tags: ['c'] }])
  assert.equal((await me('DELETE', `/v2/images/${id}`)).status, 204)
  assert.deepEqual((await me('GET', `/v2/images/${id}`)).body, html('404 Not Found', `No image found with ID ${id}`))
  assert.equal((await me('DELETE', `/v2/images/${id}`)).status, 404)
  assert.deepEqual((await me('POST', '/v2/images', { body: { id } })).body, html('409 Conflict', `Image ID ${id} already exists!`))
})

test('nobody is asked for a token, a stranger finds nothing, a reader may look and not touch', async () => {
  await using cloud = await glanceAlone()
  const { body: { id } } = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'mine', disk_format: 'raw', container_format: 'bare' } })
  const requests = [
    ['GET', '', {}], ['PATCH', '', patch({ op: 'replace', path: '/name', value: 'x' })], ['DELETE', '', {}], ['PUT', '/tags/x', {}], ['DELETE', '/tags/x', {}], ['PUT', '/file', { bytes: 'x' }], ['PUT', '/stage', { bytes: 'x' }],
    ['GET', '/file', {}], ['POST', '/import', { body: { method: { name: 'glance-direct' } } }], ['POST', '/actions/deactivate', {}], ['POST', '/actions/reactivate', {}],
    ['GET', '/members', {}], ['POST', '/members', { body: { member: 'p2' } }], ['GET', '/members/p2', {}], ['PUT', '/members/p2', { body: { status: 'accepted' } }], ['DELETE', '/members/p2', {}],
  ] as const
  for (const [method, path, request] of requests) {
    const url = `/v2/images/${id}${path}`
    assert.equal((await cloud.ask(method, url, request)).status, 401, `${method} ${path} of nobody`)
    assert.equal((await cloud.as('p2:member')(method, url, request)).status, 404, `${method} ${path} of a stranger`)
    const reader = (await cloud.as('p1:reader')(method, url, request)).status
    if (method !== 'GET') assert.ok(reader === 403 || path === '/members/p2', `${method} ${path} of a reader: ${reader}`)
    assert.equal((await cloud.as('p1:none')(method, url, request)).status < 400, false, `${method} ${path} without a role`)
  }
  assert.equal((await cloud.as('p1:reader')('GET', `/v2/images/${id}`)).status, 200)
  assert.equal((await cloud.as('p1:reader')('POST', '/v2/images', { body: {} })).status, 403)
  assert.equal((await cloud.ask('GET', '/v2/images')).body.error.title, 'Unauthorized')
  assert.equal((await cloud.as('px:admin')('GET', `/v2/images/${id}`)).status, 200)
})

test('a public image is seen by all and changed by its own only; only an admin makes one', async () => {
  await using cloud = await glanceAlone()
  assert.deepEqual((await cloud.as('p1:member')('POST', '/v2/images', { body: { visibility: 'public' } })).body, html('403 Forbidden', 'You are not authorized to complete publicize_image action.'))
  const { body: { id } } = await cloud.as('px:admin')('POST', '/v2/images', { body: { visibility: 'public' } })
  assert.equal((await cloud.as('p1:reader')('GET', `/v2/images/${id}`)).status, 200)
  for (const [method, path, request] of [['PATCH', '', patch({ op: 'replace', path: '/name', value: 'x' })], ['DELETE', '', {}], ['PUT', '/tags/x', {}], ['PUT', '/file', { bytes: 'x' }]] as const) {
    assert.equal((await cloud.as('p1:member')(method, `/v2/images/${id}${path}`, request)).status, 403, `${method} ${path}`)
  }
  const mine = await cloud.as('p1:member')('POST', '/v2/images', { body: {} })
  assert.equal((await cloud.as('p1:member')('PATCH', `/v2/images/${mine.body.id}`, patch({ op: 'replace', path: '/visibility', value: 'public' }))).status, 403)
})

test('what no client may write is refused, and bad values are named', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const cases: [Record<string, unknown>, number, RegExp][] = [
    [{ status: 'active' }, 403, /Attribute &#x27;status&#x27; is read-only\./], [{ checksum: 'x' }, 403, /read-only/], [{ deleted: true }, 403, /Attribute &#x27;deleted&#x27; is reserved\./],
    [{ os_glance_x: 'y' }, 403, /reserved/], [{ locations: [{ url: 'file:///etc/passwd', metadata: {} }] }, 403, /Attribute .*locations.* is reserved/], [{ locations: [] }, 403, /Attribute .*locations.* is reserved/], [{ locations: 'x' }, 400, /a list/], [{ locations: [{ url: 'http://x/' }] }, 400, /metadata.*, an object/], [{ owner: 'p2' }, 403, /add_image/],
    [{ disk_format: 'floppy' }, 400, /schema &#x27;image&#x27;: &quot;floppy&quot; is not valid for &#x27;disk_format&#x27;/], [{ container_format: 'wrong' }, 400, /container_format/], [{ name: 'x'.repeat(256) }, 400, /name/],
    [{ min_ram: -1 }, 400, /min_ram/], [{ visibility: 'secret' }, 400, /visibility/], [{ colour: 7 }, 400, /colour/], [{ tags: [1] }, 400, /tags/], [{ id: 'x' }, 400, /UUID/], [{ protected: 'yes' }, 400, /protected/],
    [{ __proto__x: 'y', ['x'.repeat(256)]: 'y' }, 400, /Custom property should not be greater than 255 characters/], [{ '': 'x' }, 400, /1 to 255/], [{ min_ram: 2 ** 31 }, 400, /&#x27;min_ram&#x27; value out of range, must not exceed 2147483647/],
    [{ kernel_id: 'x' }, 400, /kernel_id/], [{ cinder_encryption_key_deletion_policy: 'never' }, 400, /on_image_deletion/], [{ os_distro: null }, 400, /os_distro/],
  ]
  for (const [body, status, words] of cases) {
    const answer = await me('POST', '/v2/images', { body })
    assert.equal(answer.status, status, JSON.stringify(body).slice(0, 80))
    assert.match(answer.body, words)
  }
  assert.equal((await me('POST', '/v2/images', { body: [] })).status, 400)
  assert.equal((await me('POST', '/v2/images', { body: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v'])) })).status, 413)
  assert.equal((await me('POST', '/v2/images', { body: { tags: Array.from({ length: 129 }, (_, i) => `t${i}`) } })).status, 413)
})

test('a patch follows upstream in its paths and its errors', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { name: 'x', colour: 'red' } })
  const cases: [unknown, number][] = [
    [{}, 400], [['x'], 400], [[{ op: 'move', path: '/name' }], 400], [[{ path: '/name' }], 400], [[{ op: 'add', value: 'x' }], 400], [[{ op: 'add', path: 'name', value: 'x' }], 400], [[{ op: 'add', path: '/', value: 'x' }], 400],
    [[{ op: 'add', path: '/a//b', value: 'x' }], 400], [[{ op: 'add', path: '/a/', value: 'x' }], 400], [[{ op: 'add', path: '/a~2', value: 'x' }], 400], [[{ op: 'add', path: '/a/b', value: 'x' }], 400], [[{ op: 'add', path: '/a' }], 400],
    [[{ op: 'replace', path: '/min_disk', value: 'x' }], 400], [[{ op: 'replace', path: '/status', value: 'active' }], 403], [[{ op: 'replace', path: '/id', value: id }], 403], [[{ op: 'add', path: '/location', value: 'x' }], 403],
    [[{ op: 'add', path: '/locations/-', value: { url: 'file:///etc/passwd' } }], 403], [[{ op: 'replace', path: '/locations', value: [] }], 403], [[{ op: 'remove', path: '/name' }], 403], [[{ op: 'replace', path: '/owner', value: 'p2' }], 403],
    [[{ op: 'remove', path: '/size_of_hat' }], 409], [[{ op: 'replace', path: '/size_of_hat', value: 'x' }], 409], [[{ op: 'remove', path: '/toString' }], 409], [[], 200],
  ]
  for (const [body, status] of cases) assert.equal((await me('PATCH', `/v2/images/${id}`, { ...patch(), body })).status, status, JSON.stringify(body))
  assert.equal((await me('PATCH', `/v2/images/${id}`, { body: [] })).status, 415)
  const draft4 = (body: unknown) => me('PATCH', `/v2/images/${id}`, { body, headers: { 'content-type': 'application/openstack-images-v2.0-json-patch' } })
  assert.equal((await draft4([{ replace: '/name', value: 'old' }, { add: '/shape', value: 'round' }])).body.shape, 'round')
  assert.equal((await draft4([{ add: '/colour', value: 'blue' }])).status, 409)
  assert.equal((await draft4([{ add: '/a', remove: '/b', value: 'x' }])).status, 400)
  assert.equal((await me('PATCH', `/v2/images/${id}`, patch({ op: 'add', path: '/colour', value: 'blue' }))).body.colour, 'blue')
})

test('tags are put once and taken off once', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: {} })
  assert.equal((await me('PUT', `/v2/images/${id}/tags/a%2Fb`)).status, 204)
  assert.equal((await me('PUT', `/v2/images/${id}/tags/a%2Fb`)).status, 204)
  assert.deepEqual((await me('GET', `/v2/images/${id}`)).body.tags, ['a/b'])
  assert.equal((await me('DELETE', `/v2/images/${id}/tags/a%2Fb`)).status, 204)
  assert.equal((await me('DELETE', `/v2/images/${id}/tags/a%2Fb`)).status, 404)
  assert.equal((await me('PUT', `/v2/images/${id}/tags/${'x'.repeat(256)}`)).status, 400)
})

test('a protected image stays until it is not protected', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const { body: { id } } = await me('POST', '/v2/images', { body: { protected: true } })
  assert.equal(cloud.said(await me('DELETE', `/v2/images/${id}`)), `Image ${id} is protected and cannot be deleted.`)
  await me('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/protected', value: false }))
  assert.equal((await me('DELETE', `/v2/images/${id}`)).status, 204)
})

test('a create that is repeated under its key gives the image that there is', async () => {
  await using cloud = await glanceAlone()
  const headers = { 'x-alto-idempotency-key': 'task-1/image', 'content-type': 'application/json' }
  const first = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'snap' }, headers })
  const second = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'snap' }, headers })
  assert.deepEqual([second.status, second.body], [201, first.body])
  assert.notEqual((await cloud.as('p2:member')('POST', '/v2/images', { body: { name: 'snap' }, headers })).body.id, first.body.id)
  await cloud.as('p1:member')('DELETE', `/v2/images/${first.body.id}`)
  const anew = await cloud.as('p1:member')('POST', '/v2/images', { body: { name: 'snap' }, headers })
  assert.equal(anew.status, 201)
  assert.notEqual(anew.body.id, first.body.id)
})

test('lists are filtered, ordered and paged, and each page links to the next', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
    await cloud.clock.advance(1000)
    await me('POST', '/v2/images', { body: { name, disk_format: i % 2 ? 'raw' : 'qcow2', container_format: 'bare', tags: i > 2 ? ['late', name] : ['early'], colour: i ? 'red' : 'blue', ...(name === 'e' && { os_hidden: true }) } })
  }
  const names = async (query: string) => { const { body, status } = await me('GET', `/v2/images?${query}`); return status === 200 ? body.images.map((i: { name: string }) => i.name).join('') : status }
  for (const [query, expected] of [
    ['', 'dcba'], ['sort=name:asc', 'abcd'], ['sort_key=name&sort_dir=asc', 'abcd'], ['sort=disk_format:asc,name:desc', 'cadb'], ['name=in:a,"c"', 'ca'], ['name=b', 'b'], ['disk_format=raw', 'db'], ['tag=late&tag=d', 'd'], ['tag=late&tag=a', ''],
    ['os_hidden=true', 'e'], ['colour=blue', 'a'], ['colour=red&name=in:a,b', 'b'], ['created_at=gt:2026-01-01T00:00:02Z', 'dc'], ['created_at=lte:2026-01-01T00:00:02Z', 'ba'], ['created_at=2026-01-01T00:00:03Z', 'c'], ['created_at=neq:2026-01-01T00:00:03', 'dba'],
    ['status=active', ''], ['status=in:active,queued', 'dcba'], ['size_min=1', ''], ['protected=false', 'dcba'], ['visibility=private', ''], ['visibility=shared', 'dcba'], ['owner=p2', ''], ['limit=0', ''], ['limit=2', 'dc'],
    ['limit=-1', 400], ['limit=x', 400], ['sort_key=owner', 400], ['sort_dir=up&sort_key=name', 400], ['sort=name&sort_key=name', 400], ['marker=0ab0c44f-0000-4000-8000-000000000000', 400], ['visibility=secret', 400], ['member_status=maybe', 400],
    ['created_at=yesterday', 400], ['size_min=x', 400], ['protected=perhaps', 400], ['name=in:"a', 400],
  ] as const) assert.equal(await names(query), expected, query)

  const seen: string[] = []
  let url: string | undefined = '/v2/images?limit=3&sort=name:asc'
  for (let pages = 0; url !== undefined && pages < 5; pages++) {
    const { body } = await me('GET', url) as { body: { images: { name: string }[], next?: string, first: string } }
    assert.equal(body.first, '/v2/images?limit=3&sort=name%3Aasc')
    seen.push(body.images.map(i => i.name).join(''))
    url = body.next
  }
  assert.deepEqual(seen, ['abc', 'd'])
})

test("others' images are listed when they are public or shared and accepted, community ones when asked for", async () => {
  await using cloud = await glanceAlone()
  const p1 = cloud.as('p1:member'), p2 = cloud.as('p2:member')
  const { body: shared } = await p1('POST', '/v2/images', { body: { name: 'shared' } })
  await p1('POST', '/v2/images', { body: { name: 'private', visibility: 'private' } })
  await p1('POST', '/v2/images', { body: { name: 'community', visibility: 'community' } })
  await cloud.as('px:admin')('POST', '/v2/images', { body: { name: 'public', visibility: 'public' } })
  const names = async (ask: typeof p1, query = '') => (await ask('GET', `/v2/images?sort=name:asc${query}`)).body.images.map((i: { name: string }) => i.name)
  assert.deepEqual(await names(p2), ['public'])
  await p1('POST', `/v2/images/${shared.id}/members`, { body: { member: 'p2' } })
  assert.deepEqual(await names(p2), ['public'])
  assert.deepEqual(await names(p2, '&visibility=shared&member_status=pending'), ['shared'])
  await p2('PUT', `/v2/images/${shared.id}/members/p2`, { body: { status: 'accepted' } })
  assert.deepEqual(await names(p2), ['public', 'shared'])
  assert.deepEqual(await names(p2, '&visibility=community'), ['community'])
  assert.deepEqual(await names(p2, '&visibility=all'), ['community', 'public', 'shared'])
  assert.deepEqual(await names(cloud.as('px:admin')), ['private', 'public', 'shared'])
  assert.deepEqual(await names(cloud.as('px:admin'), '&visibility=all'), ['community', 'private', 'public', 'shared'])
})

test('a list costs the same few statements however many images it has', async () => {
  await using cloud = await glanceAlone()
  const me = cloud.as('p1:member')
  const cost = async () => { const before = cloud.db.statements; await me('GET', '/v2/images'); return cloud.db.statements - before }
  for (let i = 0; i < 2; i++) await cloud.uploaded('p1:member', 'x', { tags: ['t'] })
  const few = await cost()
  for (let i = 0; i < 10; i++) await cloud.uploaded('p1:member', 'x', { tags: ['t'] })
  assert.equal(await cost(), few)
})

test('versions and discovery state what works', async () => {
  await using cloud = await glanceAlone()
  const root = await cloud.ask('GET', '/')
  assert.deepEqual([root.status, root.body.versions.length, root.body.versions[0]], [300, 16, { id: 'v2.17', status: 'CURRENT', links: [{ rel: 'self', href: 'http://cloud/image/v2/' }] }])
  assert.deepEqual([(await cloud.ask('GET', '/versions')).status, (await cloud.ask('GET', '/versions')).body], [200, root.body])
  assert.deepEqual((await cloud.as('p1:reader')('GET', '/v2/info/stores')).body, { stores: [{ id: 'file', default: 'true' }] })
  assert.deepEqual((await cloud.as('p1:reader')('GET', '/v2/info/import')).body, { 'import-methods': { description: 'Import methods available.', type: 'array', value: ['glance-direct', 'web-download', 'copy-image'] } })
  for (const name of ['image', 'images', 'member', 'members']) assert.equal((await cloud.as('p1:reader')('GET', `/v2/schemas/${name}`)).body.name, name)
  assert.equal((await cloud.ask('GET', '/v2/schemas/image')).status, 401)
  assert.equal((await cloud.as('p1:reader')('GET', '/v2/nothing')).body, html('404 Not Found', 'The resource could not be found.'))
})

test('an image without an id is not found, whatever is asked of it', async () => {
  await using cloud = await glanceAlone()
  for (const method of ['GET', 'DELETE', 'PATCH'] as const) assert.equal((await cloud.as('p1:member')(method, '/v2/images/')).status, 404, method)
  assert.equal((await cloud.as('p1:member')('DELETE', '/v2/images')).status, 405)
  assert.equal((await cloud.ask('GET', '/')).status, 300)
})

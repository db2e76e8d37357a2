// Images of servers that boot from volumes, through all services of a cloud: what Nova, Cinder and Glance make of one another's answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stayAlive, until } from '@alto/kit/testing'
import { wholeCloud, type WholeCloud } from './whole-cloud.ts'

type Row = Record<string, any> // eslint-disable-line @typescript-eslint/no-explicit-any
type Ask = (method: string, url: string, body?: unknown, version?: string) => Promise<{ status: number, body: Row }>

/** A client with that token; versions as in `volume 3.46`. */
function as(whole: WholeCloud, token: string): Ask {
  return async (method, url, body, version) => {
    const answer = await whole.ask(method, url, { token, ...(body !== undefined && { body }), ...(version !== undefined && { headers: { 'openstack-api-version': version } }) })
    return { status: answer.status, body: answer.body as Row }
  }
}

async function becomes(ask: Ask, url: string, key: string, status: string): Promise<Row> {
  let seen: Row = {}
  await until(`${key} is ${status}`, async () => {
    const { body } = await ask('GET', url)
    seen = body[key] as Row
    return seen['status'] === status
  })
  return seen
}

/** A user of a project of its own. */
async function stranger(whole: WholeCloud, admin: Ask): Promise<Ask> {
  const { body: { project } } = await admin('POST', '/identity/v3/projects', { project: { name: 'other', domain_id: 'default' } })
  const { body: { user } } = await admin('POST', '/identity/v3/users', { user: { name: 'other', domain_id: 'default', password: 'a long enough one' } })
  const { body: { roles } } = await admin('GET', '/identity/v3/roles?name=member')
  assert.equal((await admin('PUT', `/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`)).status, 204)
  const { headers } = await whole.ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: 'a long enough one' } } }, scope: { project: { id: project.id } } } } })
  return as(whole, headers['x-subject-token']!)
}

/** A server of a volume made from the cloud's image, with another volume beside; its id and theirs. */
async function booted(demo: Ask): Promise<{ server: string, volumes: string[], image: string }> {
  const { body: { images: [image] } } = await demo('GET', '/image/v2/images')
  const volumes: string[] = []
  for (const volume of [{ size: 1, imageRef: image.id }, { size: 2 }]) {
    const { body } = await demo('POST', '/volume/v3/volumes', { volume })
    volumes.push((await becomes(demo, `/volume/v3/volumes/${body['volume'].id}`, 'volume', 'available'))['id'])
  }
  const { status, body } = await createServer(demo, { block_device_mapping_v2: volumes.map((uuid, index) => ({ uuid, boot_index: index === 0 ? 0 : -1, source_type: 'volume', destination_type: 'volume', delete_on_termination: true })) })
  assert.equal(status, 202, JSON.stringify(body))
  return { server: (await becomes(demo, `/compute/v2.1/servers/${body['server'].id}`, 'server', 'ACTIVE'))['id'], volumes, image: image.id }
}

const createServer = (ask: Ask, more: object) => ask('POST', '/compute/v2.1/servers', { server: { name: 'bfv', flavorRef: '42', networks: 'none', ...more } }, 'compute 2.96')
const createImage = (ask: Ask, server: string) => ask('POST', `/compute/v2.1/servers/${server}/action`, { createImage: { name: 'snap' } }, 'compute 2.96')
const snapshotsOf = async (ask: Ask): Promise<Row[]> => (await ask('GET', '/volume/v3/snapshots/detail')).body['snapshots']
const message = ({ status, body }: { status: number, body: Row }) => [status, Object.values(body as Record<string, { message: string }>)[0]!.message]

test('an image of a server that boots from a volume makes servers and volumes like it, for those who have its snapshots, and leaves these when it goes', async () => {
  using _alive = stayAlive()
  await using whole = await wholeCloud({})
  const [demo, admin] = [as(whole, await whole.login('demo')), as(whole, await whole.login('admin'))]
  const { server, volumes, image: first } = await booted(demo)
  const [one, two] = await Promise.all([createImage(demo, server), createImage(demo, server)])
  assert.deepEqual([one.status, two.status], [202, 202], JSON.stringify([one.body, two.body]))
  const image = (await demo('GET', `/image/v2/images/${one.body['image_id']}`)).body
  assert.deepEqual([image['status'], image['size'], image['disk_format'], image['container_format'], image['visibility'], image['bdm_v2'], image['root_device_name']], ['active', 0, 'raw', 'bare', 'private', 'True', '/dev/vda'])
  const mapping = JSON.parse(image['block_device_mapping']) as Row[]
  const snapshots = await snapshotsOf(demo)
  assert.deepEqual([mapping.map(entry => snapshots.find(snapshot => snapshot['id'] === entry['snapshot_id'])?.['volume_id']), snapshots.length], [volumes, 4])

  const again = await createServer(demo, { imageRef: image['id'] })
  assert.equal(again.status, 202, JSON.stringify(again.body))
  const shown = await becomes(demo, `/compute/v2.1/servers/${again.body['server'].id}`, 'server', 'ACTIVE')
  const copies = await Promise.all((shown['os-extended-volumes:volumes_attached'] as Row[]).map(async ({ id }) => (await demo('GET', `/volume/v3/volumes/${id}`)).body['volume'] as Row))
  assert.deepEqual([shown['image'], copies.map(copy => [copy['snapshot_id'], copy['size'], copy['status']])], ['', mapping.map(entry => [entry['snapshot_id'], entry['volume_size'], 'in-use'])])
  assert.equal(copies[0]!['volume_image_metadata'].image_id, first)
  for (const [version, from] of [['volume 3.46', mapping[0]!['snapshot_id']], ['volume 3.45', null]] as const) {
    const made = await demo('POST', '/volume/v3/volumes', { volume: { size: 1, imageRef: image['id'] } }, version)
    assert.deepEqual([made.status, (await becomes(demo, `/volume/v3/volumes/${made.body['volume'].id}`, 'volume', 'available'))['snapshot_id']], [202, from])
  }

  const other = await stranger(whole, admin)
  assert.equal((await whole.ask('PATCH', `/image/v2/images/${image['id']}`, { token: await whole.login('demo'), body: [{ op: 'replace', path: '/visibility', value: 'community' }], headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' } })).status, 200)
  assert.deepEqual(message(await createServer(other, { imageRef: image['id'] })), [400, `Block Device Mapping is Invalid: failed to get snapshot ${mapping[0]!['snapshot_id']}.`])
  assert.deepEqual(message(await other('POST', '/volume/v3/volumes', { volume: { size: 1, imageRef: image['id'] } }, 'volume 3.46')), [404, `Nova specific image is found, but boot volume snapshot id:${mapping[0]!['snapshot_id']} not found.`])

  assert.equal((await demo('DELETE', `/compute/v2.1/servers/${shown['id']}`)).status, 204)
  await until('the copies are gone', async () => (await Promise.all(copies.map(copy => demo('GET', `/volume/v3/volumes/${copy['id']}`)))).every(answer => answer.status === 404))
  assert.equal((await demo('DELETE', `/compute/v2.1/servers/${server}`)).status, 204)
  await until('the server is gone', async () => (await demo('GET', `/compute/v2.1/servers/${server}`)).status === 404)
  assert.equal((await demo('DELETE', `/image/v2/images/${image['id']}`)).status, 204)
  assert.equal((await snapshotsOf(demo)).length, 4)
  for (const id of volumes) await becomes(demo, `/volume/v3/volumes/${id}`, 'volume', 'available')
})

test('where the quota has no room for the snapshots of all volumes, there is no image and no snapshot', async () => {
  using _alive = stayAlive()
  await using whole = await wholeCloud({})
  const [demo, admin] = [as(whole, await whole.login('demo')), as(whole, await whole.login('admin'))]
  const { server } = await booted(demo)
  const { body: { server: { tenant_id: project } } } = await demo('GET', `/compute/v2.1/servers/${server}`)
  const images = (await demo('GET', '/image/v2/images')).body['images'].length
  assert.equal((await admin('PUT', `/volume/v3/os-quota-sets/${project}`, { quota_set: { snapshots: 1 } })).status, 200)
  assert.deepEqual(message(await createImage(demo, server)), [403, 'Maximum number of snapshots allowed (1) exceeded'])
  await until('the first snapshot is gone', async () => (await snapshotsOf(demo)).length === 0)
  assert.equal((await demo('GET', '/image/v2/images')).body['images'].length, images)
})

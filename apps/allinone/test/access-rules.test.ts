// Access rules across a whole cloud: each service keeps them for itself, by its type in the catalog, and services ask on as they need.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stayAlive, until } from '@alto/kit/testing'
import { services } from '@alto/site/sections'
import { wholeCloud } from './whole-cloud.ts'

/** Each service: its types in the catalog, a path of its below its prefix, a rule for that, and what a member is answered there. */
const READ: Readonly<Record<string, { types: readonly string[], path: string, pattern: string, status?: number }>> = {
  keystone: { types: ['identity'], path: '/v3/auth/catalog', pattern: '/v3/auth/*' },
  placement: { types: ['placement'], path: '/resource_providers', pattern: '/resource_providers', status: 403 },
  glance: { types: ['image'], path: '/v2/images', pattern: '/v2/images' },
  neutron: { types: ['network'], path: '/v2.0/networks', pattern: '/v2.0/networks' },
  cinder: { types: ['volumev3', 'block-storage'], path: '/v3/PROJECT/volumes/detail', pattern: '/v3/{project_id}/volumes/**' },
  nova: { types: ['compute'], path: '/v2.1/servers/detail', pattern: '/v2.1/**' },
}

test('a credential with access rules asks each service for what they name and for nothing else; what it asked for comes to be', async () => {
  using _alive = stayAlive()
  await using whole = await wholeCloud({})
  const demo = await whole.login('demo')
  const { user, project } = ((await whole.ask('GET', '/identity/v3/auth/tokens', { token: demo, headers: { 'x-subject-token': demo } })).body as { token: { user: { id: string }, project: { id: string } } }).token
  const bearer = async (name: string, access_rules: readonly { service: string, method: string, path: string }[]) => {
    const { body } = await whole.ask('POST', `/identity/v3/users/${user.id}/application_credentials`, { token: demo, body: { application_credential: { name, access_rules } } })
    const { application_credential: { id, secret } } = body as { application_credential: { id: string, secret: string } }
    return (await whole.ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } } })).headers['x-subject-token']!
  }
  const get = async (token: string, name: string) => {
    const service = services.find(s => s.name === name)!
    return (await whole.ask('GET', `${service.prefix}${READ[name]!.path.replace('PROJECT', project.id)}`, { token })).status
  }

  assert.deepEqual(services.map(s => s.name).toSorted(), Object.keys(READ).toSorted(), 'a service of the cloud is not among these')
  for (const [name, { types, pattern, status = 200 }] of Object.entries(READ)) for (const type of types) {
    const token = await bearer(`${name} ${type}`, [{ service: type, method: 'GET', path: pattern }])
    for (const other of Object.keys(READ)) assert.equal(await get(token, other), other === name ? status : 401, `${type} at ${other}`)
  }

  const list = async (path: string, key: string) => ((await whole.ask('GET', path, { token: demo })).body as Record<string, { id: string, name: string }[]>)[key]!
  const [image, flavor, network] = [(await list('/image/v2/images', 'images'))[0]!, (await list('/compute/v2.1/flavors', 'flavors')).find(f => f.name === 'm1.nano')!, (await list('/networking/v2.0/networks', 'networks')).find(n => n.name === 'private')!]
  const maker = await bearer('maker', [{ service: 'compute', method: 'POST', path: '/v2.1/servers' }])
  const made = await whole.ask('POST', '/compute/v2.1/servers', { token: maker, body: { server: { name: 'ruled', imageRef: image.id, flavorRef: flavor.id, networks: [{ uuid: network.id }] } } })
  assert.equal(made.status, 202)
  assert.equal((await whole.ask('GET', '/compute/v2.1/servers', { token: maker })).status, 401)
  const { server: { id } } = made.body as { server: { id: string } }
  const shown = async () => ((await whole.ask('GET', `/compute/v2.1/servers/${id}`, { token: demo })).body as { server: { status: string, addresses: Record<string, unknown[]> } }).server
  await until('the server is active', async () => (await shown()).status === 'ACTIVE')
  assert.equal((await shown()).addresses['private']?.length, 1)
})

// Images of another region's Glance: what comes along, what is asked of whom with whose token, and what keeps them from coming.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpServer, networkFetch } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { until } from '@alto/kit/testing'
import type { Regions } from '../driver/remote-glance.ts'
import { glanceAlone, patch, type Cloud } from './cloud.ts'

/** A Glance here, and one in the region `There`; `asked` are the tokens and paths that it saw. */
async function twoRegions() {
  const there = await glanceAlone({ seed: 'there' })
  const server = await httpServer({ services: there.glance.http, log: there.log, ids: seededIds('sockets'), clock: there.clock })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const asked: string[] = []
  const regions: Regions = {
    catalog: async () => [{ type: 'compute', endpoints: [] }, { type: 'image', endpoints: [{ interface: 'public', region: 'There', url: `http://127.0.0.1:${port}/image/` }] }],
    async ask(request) {
      asked.push(`${request.headers['x-auth-token']} ${new URL(request.url).pathname.split('/').slice(4).join('/')}`)
      return networkFetch(request)
    },
    serviceToken: async () => 'service:admin',
  }
  const here = await glanceAlone({ regions, options: { enabledImportMethods: ['glance-download'] } })
  return {
    here, there, asked,
    async [Symbol.asyncDispose]() {
      await here[Symbol.asyncDispose]()
      await server.close()
      await there[Symbol.asyncDispose]()
    },
  }
}

async function asking(here: Cloud, remote: Record<string, unknown>, token = 'p1:member') {
  const { id } = (await here.as(token)('POST', '/v2/images', { body: { name: 'copy' } })).body
  const answer = await here.as(token)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-download', glance_region: 'there', ...remote } } })
  return { id, status: answer.status, words: here.said(answer)?.replaceAll('&#x27;', "'") }
}
const ended = async (here: Cloud, id: string) => {
  const task = async () => (await here.as('p1:member')('GET', `/v2/images/${id}/tasks`)).body.tasks[0]
  await until('the task has ended', async () => (await task()).expires_at !== null)
  return { task: await task(), image: (await here.as('p1:member')('GET', `/v2/images/${id}`)).body }
}

test("an image of another region comes with its formats and the properties that come along; the user's token is used in the request only", async () => {
  await using regions = await twoRegions()
  const { here, there, asked } = regions
  const source = await there.uploaded('p1:member', 'remote bytes', { hw_disk_bus: 'virtio', os_distro: 'alto', mine: 'stays' })
  const { id, status } = await asking(here, { glance_image_id: source.id })
  assert.equal(status, 202)
  const { task, image } = await ended(here, id)
  assert.deepEqual([task.status, image.status, image.size, image.disk_format, image.container_format, image.hw_disk_bus, image.os_distro, image.mine], ['success', 'active', 12, 'raw', 'bare', 'virtio', 'alto', undefined])
  assert.equal((await here.as('p1:member')('GET', `/v2/images/${id}/file`)).body.toString(), 'remote bytes')
  assert.deepEqual(asked, [`p1:member ${source.id}`, `p1:member ${source.id}/file`, `service:admin ${source.id}/file`])
  assert.equal(JSON.stringify(await here.db.read(tx => tx.selectFrom('tasks').selectAll().execute())).includes('p1:member'), false)
  assert.deepEqual(await here.glance.audit({ repair: false }), [])
})

test("what is not the user's to read there is not read by the service, and what is missing is named", async () => {
  await using regions = await twoRegions()
  const { here, there, asked } = regions
  const others = await there.uploaded('p2:member', 'of others')
  const off = await there.uploaded('p1:member', 'switched off')
  await there.as('p1:member')('POST', `/v2/images/${off.id}/actions/deactivate`)
  const waiting = (await there.as('p1:member')('POST', '/v2/images', { body: {} })).body
  const cases: [Record<string, unknown>, number, RegExp][] = [
    [{ glance_image_id: others.id }, 202, /answers 404/], [{ glance_image_id: off.id }, 202, /active instead of deactivated/], [{ glance_image_id: waiting.id }, 202, /active instead of queued/], [{ glance_image_id: others.id, glance_region: 'nowhere' }, 202, /no public image endpoint in region nowhere/],
    [{ glance_image_id: others.id, glance_service_interface: 'admin' }, 202, /no admin image endpoint/], [{}, 400, /'glance_image_id' needs to be set/], [{ glance_image_id: 'x' }, 400, /does not look like a UUID: x/], [{ glance_image_id: others.id, glance_region: undefined }, 400, /'glance_region' needs to be set/],
  ]
  for (const [remote, wanted, words] of cases) {
    const { id, status, words: said } = await asking(here, remote)
    assert.equal(status, wanted, JSON.stringify(remote))
    const told = status === 400 ? said : (await ended(here, id)).task.message as string
    assert.match(told ?? '', words)
    assert.equal((await here.as('p1:member')('GET', `/v2/images/${id}`)).body.status, 'queued')
  }
  assert.deepEqual(asked.filter(one => one.startsWith('service')), [])
})

test('bytes that are no longer those that were found there do not come in, and the image keeps its own formats', async () => {
  await using regions = await twoRegions()
  const { here, there } = regions
  const source = await there.uploaded('p1:member', 'remote bytes')
  const [key] = await Array.fromAsync(there.store.names())
  const writer = await there.store.write(key!)
  await writer.write(Buffer.from('other  bytes'))
  await writer.commit()
  const { id } = await asking(here, { glance_image_id: source.id })
  const { task, image } = await ended(here, id)
  assert.deepEqual([task.status, image.status, image.disk_format], ['failure', 'queued', null])
  await here.as('p1:member')('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/disk_format', value: 'qcow2' }))
  assert.deepEqual(await here.glance.audit({ repair: false }), [])
})

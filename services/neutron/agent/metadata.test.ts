import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { WantedNetworkPort } from '@alto/contracts/network-agent'
import { silentLog } from '@alto/kit/log'
import type { MetadataOrigin } from '../driver/network.ts'
import { metadataProxy } from './metadata.ts'
import { Rows } from './rows.ts'

const versioned = { generation: 1, epoch: 1, projectId: 'project-1' }
const port = (id: string, networkId: string, address: string, deviceId: string, deviceOwner = 'compute:nova'): WantedNetworkPort => ({
  ...versioned, id, networkId, deviceId, deviceOwner, host: 'here', mac: 'fa:16:3e:00:00:01', fixedIps: [{ subnetId: 's', address }], adminUp: true, portSecurity: true,
  rules: [], allowedAddressPairs: [], dhcpOptions: [],
})

/** Asks as the guest at `origin`; answers with status and text, and what Nova was asked. */
async function site(t: TestContext, nova: (request: Request) => Promise<Response>) {
  const rows = new Rows()
  rows.take({
    networks: [], tombstones: [], cursor: 1, databaseEpoch: 1,
    ports: [
      port('p1', 'net-1', '10.0.0.5', 'server-1'), port('p2', 'net-2', '10.0.0.5', 'server-2'), port('p3', 'net-1', '10.0.0.9', 'elsewhere', ''),
      port('r1', 'net-1', '10.0.0.1', 'router-1', 'network:router_interface'),
    ],
    routers: [{ ...versioned, id: 'router-1', adminUp: true, interfacePortIds: ['r1'], routes: [], floatingIps: [] }],
  })
  const asked: Request[] = []
  const proxy = metadataProxy({
    rows, url: 'http://nova/metadata', secret: 'shared', log: silentLog,
    fetch: request => { asked.push(request); return nova(request) },
  })
  let origin: MetadataOrigin
  const server = createServer(socket => proxy.listener(origin, socket)).listen(0, '127.0.0.1')
  t.after(() => { proxy.close(); server.close() })
  await once(server, 'listening')
  return {
    asked,
    async ask(from: MetadataOrigin, { headers = {}, ...init }: { method?: string, body?: string, headers?: Record<string, string> } = {}) {
      origin = from
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/openstack/latest/meta_data.json`, { ...init, headers: { ...headers, connection: 'close' } })
      return { status: response.status, text: await response.text() }
    },
  }
}

test('Nova is told who asks by the place the question came from, signed; what the guest says of itself is not passed on', async t => {
  const { ask, asked } = await site(t, async () => Response.json({ uuid: 'server-1' }))
  const forged = { 'x-instance-id': 'server-9', 'x-tenant-id': 'project-9', 'x-forwarded-for': '10.0.0.99', 'x-instance-id-signature': 'ff', 'x-roles': 'admin' }
  assert.deepEqual(await ask({ networkId: 'net-1', address: '10.0.0.5' }, { headers: forged }), { status: 200, text: '{"uuid":"server-1"}' })

  assert.equal(asked[0]?.url, 'http://nova/metadata/openstack/latest/meta_data.json')
  assert.deepEqual(Object.fromEntries([...asked[0]!.headers].filter(([name]) => name.startsWith('x-'))), {
    'x-forwarded-for': '10.0.0.5', 'x-instance-id': 'server-1', 'x-tenant-id': 'project-1', 'x-neutron-network-id': 'net-1',
    'x-instance-id-signature': createHmac('sha256', 'shared').update('server-1').digest('hex'),
  })
})

test('the same address on two networks is two servers; through a router it is the one on the router\'s network', async t => {
  const { ask, asked } = await site(t, async () => new Response(''))
  await ask({ networkId: 'net-2', address: '10.0.0.5' })
  await ask({ routerId: 'router-1', address: '10.0.0.5' })
  assert.deepEqual(asked.map(request => request.headers.get('x-instance-id')), ['server-2', 'server-1'])
})

test('an address that is no server\'s gets nothing, and Nova is not asked', async t => {
  const { ask, asked } = await site(t, async () => new Response(''))
  for (const origin of [{ networkId: 'net-1', address: '10.0.0.77' }, { networkId: 'net-1', address: '10.0.0.9' }, { networkId: 'net-1', address: '10.0.0.1' }, { routerId: 'router-9', address: '10.0.0.5' }]) {
    assert.deepEqual(await ask(origin), { status: 404, text: 'No server has this address.\n' })
  }
  assert.equal(asked.length, 0)
})

test('Nova\'s refusals reach the guest as they are; its absence is 503; an endless question is cut off', async t => {
  const answers = [async () => new Response('not there', { status: 404 }), () => Promise.reject(new Error('no route'))]
  const { ask } = await site(t, () => answers.shift()!())
  const origin = { networkId: 'net-1', address: '10.0.0.5' }
  assert.deepEqual(await ask(origin), { status: 404, text: 'not there' })
  assert.deepEqual(await ask(origin), { status: 503, text: 'Nova\'s metadata service does not answer.\n' })
  assert.equal((await ask(origin, { method: 'POST', body: 'x'.repeat(70_000) })).status, 413)
})

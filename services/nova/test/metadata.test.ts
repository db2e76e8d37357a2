// The metadata service, as the network's proxy asks it.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { novaAlone, SECRET } from './cloud.ts'

const signed = (id: string, secret = SECRET) => ({ 'x-instance-id': id, 'x-tenant-id': 'p1', 'x-forwarded-for': '10.0.0.3', 'x-instance-id-signature': createHmac('sha256', secret).update(id).digest('hex') })

test('a guest reads what it is: OpenStack\'s documents, EC2\'s tree, its user data', async () => {
  await using cloud = await novaAlone()
  await cloud.as({}, '2.92').post('/v2.1/os-keypairs', { keypair: { name: 'k', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl' } })
  const script = '#!/bin/sh\necho hello\n'
  const id = await cloud.server({ name: 'Web One', key_name: 'k', user_data: Buffer.from(script).toString('base64'), metadata: { role: 'web' } })
  const read = async (path: string) => (await cloud.ask(undefined, 'GET', `/metadata-internal${path}`, undefined, undefined, signed(id))).body
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
  assert.deepEqual(await read('/openstack/latest/meta_data.json'), {
    uuid: id, name: 'Web One', hostname: 'web-one.novalocal', launch_index: 0, availability_zone: 'nova', meta: { role: 'web' }, public_keys: { k: key }, keys: [{ name: 'k', type: 'ssh', data: key }], project_id: 'p1', devices: [], dedicated_cpus: [],
  })
  assert.equal(await read('/openstack/latest/user_data'), script)
  assert.equal(await read('/latest/user-data'), script)
  assert.equal(await read('/latest/meta-data/local-ipv4'), '10.0.0.3')
  assert.equal(await read('/2009-04-04/meta-data/public-keys/'), '0=k')
  assert.equal(await read('/latest/meta-data/public-keys/0/openssh-key'), key)
  assert.match(await read('/latest/meta-data/'), /^ami-id\nami-launch-index\n.*public-keys\/\n/s)
  assert.match(await read('/openstack'), /^2012-08-10\n/)
  const [port] = cloud.others.ports.values()
  assert.deepEqual(await read('/openstack/latest/network_data.json'), {
    links: [{ id: `tap${port!['id']}`.slice(0, 14), vif_id: port!['id'], type: 'bridge', mtu: 1450, ethernet_mac_address: 'fa:16:3e:00:00:03' }],
    networks: [{ id: 'network0', type: 'ipv4_dhcp', link: `tap${port!['id']}`.slice(0, 14), network_id: port!['network_id'] }], services: [{ type: 'dns', address: '10.0.0.2' }],
  })
})

test('a wrong signature is refused, and another project\'s server is not there', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const status = async (headers: Record<string, string>) => (await cloud.ask(undefined, 'GET', '/metadata-internal/latest/meta-data/', undefined, undefined, headers)).status
  assert.equal(await status(signed(id)), 200)
  assert.equal(await status(signed(id, 'guessed')), 403)
  assert.equal(await status({ ...signed(id), 'x-tenant-id': 'p2' }), 404)
  assert.equal(await status({}), 400)
})

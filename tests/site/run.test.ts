// A site, briefly: two controllers and two hosts, PostgreSQL and RabbitMQ as processes of their own; two guests on one network, one on each host.
// Every guest boots a disk that came through Glance; what is read back from inside was made up in this run.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemIds } from '@alto/kit/ids'
import { run } from '../e2e/cloud.ts'
import { consoleSays } from '../e2e/consoles.ts'
import { must } from './namespaces.ts'
import { busOutage } from './outage.ts'
import { site, type Site, type SiteHost } from './site.ts'

interface Guest { id: string, fixed: string, floating: string, host: SiteHost }

const NONCE = systemIds.bytes(8).toString('hex')
const BOOT = 90
let cloud: Site
let key: string
let one: Guest
let two: Guest

before(async () => {
  cloud = await site()
  key = join(cloud.data, 'id')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  await cloud.up()
})
after(() => cloud?.remove())

async function ok(...args: string[]): Promise<string> {
  const ended = await cloud.osText('alto', ...args)
  assert.equal(ended.code, 0, `openstack ${args.join(' ')}: ${ended.stderr || ended.stdout}`)
  return ended.stdout
}

async function guest(name: string, group: string): Promise<Guest> {
  const made = await cloud.os<{ id: string, addresses: Record<string, string[]> }>('server', 'create', '--flavor', 'm1.nano', '--image', 'cirros-alto-x86_64-disk', '--network', 'net1', '--key-name', 'mykey', '--security-group', 'access', '--hint', `group=${group}`, '--wait', name)
  const { floating_ip_address: floating } = await cloud.os<{ floating_ip_address: string }>('floating', 'ip', 'create', 'public')
  await ok('server', 'add', 'floating', 'ip', name, floating)
  const shown = JSON.parse((await cloud.osText('alto-admin', 'server', 'show', made.id, '-f', 'json')).stdout) as Record<string, string>
  const host = cloud.hosts.find(({ name }) => name === shown['OS-EXT-SRV-ATTR:host'])
  assert.ok(host, JSON.stringify(shown))
  return { id: made.id, fixed: made.addresses['net1']![0]!, floating, host }
}

async function answers({ floating }: Guest): Promise<void> {
  await cloud.until(`ssh to ${floating}`, BOOT, async () => (await cloud.trySsh(floating, key, 'true')).code === 0)
}

async function volumeIs(status: string): Promise<void> {
  await cloud.until(`volume ${status}`, 60, async () => (await cloud.os<{ status: string }>('volume', 'show', 'data')).status === status)
}

test('two guests that must not share a host run on both, and each is reached through its floating IP', async () => {
  await ok('keypair', 'create', '--public-key', `${key}.pub`, 'mykey')
  await ok('network', 'create', 'net1')
  await ok('subnet', 'create', '--network', 'net1', '--subnet-range', '10.11.12.0/24', 'subnet1')
  await ok('router', 'create', 'router-site')
  await ok('router', 'set', '--external-gateway', 'public', 'router-site')
  await ok('router', 'add', 'subnet', 'router-site', 'subnet1')
  await ok('security', 'group', 'create', 'access')
  await ok('security', 'group', 'rule', 'create', '--proto', 'tcp', '--dst-port', '22', 'access')
  await ok('security', 'group', 'rule', 'create', '--proto', 'icmp', 'access')
  const { id: group } = await cloud.os<{ id: string }>('server', 'group', 'create', '--policy', 'anti-affinity', 'apart')
  one = await guest('one', group)
  two = await guest('two', group)
  assert.notEqual(one.host.name, two.host.name)
  await answers(one)
  await answers(two)
})

test('they reach each other through VXLAN, which is seen on the wire, and their metadata from either host', async () => {
  await must(...two.host.within, 'nft', 'add table inet seen; add chain inet seen in { type filter hook input priority -300; }; add rule inet seen in iifname wire udp dport 4789 counter')
  const seen = async () => Number(/packets (\d+)/.exec(await must(...two.host.within, 'nft', 'list', 'table', 'inet', 'seen'))![1])
  const before = await seen()
  await cloud.ssh(one.floating, key, `ping -c 5 -W 2 ${two.fixed}`)
  assert.ok(await seen() >= before + 5, `${await seen() - before} packets`)
  for (const { id, floating } of [one, two]) {
    const metadata = JSON.parse(await cloud.ssh(floating, key, 'wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json')) as { uuid: string }
    assert.equal(metadata.uuid, id)
  }
})

test('a volume of one host is attached to the guest of the other, then to its neighbour, keeps what was written, and is snapshotted while either has it mounted', async () => {
  await ok('volume', 'create', '--size', '1', 'data')
  await volumeIs('available')
  for (const [name, { floating }, command] of [
    ['one', one, `mkfs.ext4 -q /dev/vdb && mkdir -p /mnt/v && mount /dev/vdb /mnt/v && echo ${NONCE} > /mnt/v/nonce && sync && cat /mnt/v/nonce`],
    ['two', two, 'mkdir -p /mnt/v && mount /dev/vdb /mnt/v && echo two > /mnt/v/two && sync && cat /mnt/v/nonce'],
  ] as const) {
    await ok('server', 'add', 'volume', name, 'data')
    await cloud.until('the disk in the guest', 60, async () => (await cloud.trySsh(floating, key, 'test -b /dev/vdb')).code === 0)
    assert.equal(await cloud.ssh(floating, key, `sudo sh -c "${command}"`), NONCE)
    await ok('volume', 'snapshot', 'create', '--force', '--volume', 'data', `of-${name}`)
    await cloud.until('snapshot available', 60, async () => (await cloud.os<{ status: string }>('volume', 'snapshot', 'show', `of-${name}`)).status === 'available')
    await cloud.ssh(floating, key, 'sudo sh -c "echo later >> /mnt/v/later && umount /mnt/v"')
    await ok('server', 'remove', 'volume', name, 'data')
    await volumeIs('available')
  }
  for (const [name, found] of [['one', ['lost+found', 'nonce']], ['two', ['later', 'lost+found', 'nonce', 'two']]] as const) {         // what guest one wrote after its snapshot is in that of two
    await ok('volume', 'create', '--snapshot', `of-${name}`, `from-${name}`)
    await cloud.until('volume available', 60, async () => (await cloud.os<{ status: string }>('volume', 'show', `from-${name}`)).status === 'available')
    await ok('server', 'add', 'volume', 'one', `from-${name}`)
    await cloud.until('the disk in the guest', 60, async () => (await cloud.trySsh(one.floating, key, 'test -b /dev/vdb')).code === 0)
    const listed = await cloud.ssh(one.floating, key, 'sudo sh -c "mount /dev/vdb /mnt/v && cat /mnt/v/nonce && ls /mnt/v && umount /mnt/v"')
    assert.deepEqual(listed.split(/\s+/), [NONCE, ...found])
    await ok('server', 'remove', 'volume', 'one', `from-${name}`)
    await cloud.until('volume free', 60, async () => (await cloud.os<{ status: string }>('volume', 'show', `from-${name}`)).status === 'available')
    await ok('volume', 'delete', `from-${name}`)
    await ok('volume', 'snapshot', 'delete', `of-${name}`)
  }
  await cloud.until('snapshots gone', 60, async () => (await cloud.os<unknown[]>('volume', 'snapshot', 'list')).length === 0)
  await ok('volume', 'delete', 'data')
})

test('the consoles of guests on either host are reached through either controller, whichever made the token', async () => {
  for (const name of ['one', 'two']) {
    for (const [kind, say, until] of [['--serial', '\r', new RegExp(`${name} login: `)], ['--novnc', '', /^RFB 003\.008\n$/]] as const) {
      const { url } = await cloud.os<{ url: string }>('console', 'url', 'show', kind, name)
      for (const controller of cloud.controllers) await consoleSays(`${cloud.urlOf(controller)}/console/${new URL(url).search}`, say, until, 20)
    }
  }
})

test('after kill -9 of a controller and of every agent the other controller answers, guests run on unbroken, and are managed', async () => {
  const uptime = async () => Number((await cloud.ssh(one.floating, key, 'cat /proc/uptime')).split(' ')[0])
  const before = await uptime()
  await cloud.crash()
  assert.equal((await cloud.os<unknown[]>('server', 'list')).length, 2)
  assert.ok(await uptime() > before)
  await cloud.up()
  assert.ok(await uptime() > before)
  await ok('server', 'reboot', '--hard', '--wait', 'two')
  await answers(two)
})

test('without RabbitMQ requests are accepted, and what they asked for is so seconds after it is back', async t => {
  const recovery = await busOutage(cloud, 8)
  t.diagnostic(`so ${recovery.toFixed(1)} s after RabbitMQ was back`)
})

test('when everything is deleted, the audit of both hosts finds nothing, and after down they are clean', async () => {
  await ok('server', 'delete', '--wait', 'one', 'two')
  await ok('floating', 'ip', 'delete', one.floating, two.floating)
  await ok('router', 'remove', 'subnet', 'router-site', 'subnet1')
  await ok('router', 'delete', 'router-site')
  await ok('network', 'delete', 'net1')
  assert.equal(await cloud.audit(), 'clean')
  await cloud.down()
  assert.deepEqual(await cloud.traces(), [])
})

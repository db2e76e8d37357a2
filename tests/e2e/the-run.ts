// The run: what a user does on the first day, with the real client and real guests, and hosts that are clean afterwards; in whatever wiring.
// Every guest boots a disk that came through Glance; what is read back from inside was made up in this run.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemIds } from '@alto/kit/ids'
import { run, type Cloud } from './cloud.ts'
import { consoleSays } from './consoles.ts'

interface Server { id: string, name: string, status: string, addresses: Record<string, string[]>, fault?: unknown }

const BOOT = 90

/** Registers the run's tests, one after the other, on the cloud that `make` gives (not started yet). */
export function theRun(make: () => Promise<Cloud>): void {
  const nonce = systemIds.bytes(8).toString('hex')
  let cloud: Cloud
  let key: string
  let first: { id: string, fixed: string, floating: string }
  let second: { id: string, fixed: string }
  let volume: string
  let snapshot: string

  before(async () => {
    cloud = await make()
    key = join(cloud.data, 'id')
    await cloud.up()
  })
  after(() => cloud?.remove())

  async function ok(...args: string[]): Promise<string> {
    const ended = await cloud.osText('alto', ...args)
    assert.equal(ended.code, 0, `openstack ${args.join(' ')}: ${ended.stderr || ended.stdout}`)
    return ended.stdout
  }

  async function serverIs(id: string, status: string, seconds = 60): Promise<Server> {
    return cloud.until(`server ${id} ${status}`, seconds, async () => {
      const server = await cloud.os<Server>('server', 'show', id)
      assert.ok(status === 'ERROR' || server.status !== 'ERROR', JSON.stringify(server.fault))
      return server.status === status && server
    })
  }

  async function consoleShows(id: string, what: RegExp, seconds = BOOT): Promise<string> {
    return cloud.until(`${what} on the console`, seconds, async () => {
      const { stdout } = await cloud.osText('alto', 'console', 'log', 'show', id)
      return what.test(stdout) && stdout
    })
  }

  async function ports(command: string, expected: string, seconds = 60): Promise<void> {
    await cloud.until(`${command} from the first guest`, seconds, async () => {
      const { stdout } = await cloud.trySsh(first.floating, key, `${command} && echo open || echo shut`)
      return stdout.trim().split('\n').at(-1) === expected
    })
  }

  test('a user makes a network of her own, a key pair, a security group and an image', async () => {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
    await ok('keypair', 'create', '--public-key', `${key}.pub`, 'mykey')
    await ok('network', 'create', 'net1')
    await ok('subnet', 'create', '--network', 'net1', '--subnet-range', '10.11.12.0/24', 'subnet1')
    await ok('router', 'create', 'router-e2e')
    await ok('router', 'set', '--external-gateway', 'public', 'router-e2e')
    await ok('router', 'add', 'subnet', 'router-e2e', 'subnet1')
    await ok('security', 'group', 'create', 'access')
    await ok('security', 'group', 'rule', 'create', '--proto', 'tcp', '--dst-port', '22', 'access')
    await ok('security', 'group', 'rule', 'create', '--proto', 'icmp', 'access')
    const [demo] = await cloud.os<{ ID: string, Name: string }[]>('image', 'list')
    const file = join(cloud.data, 'image.qcow2')
    await ok('image', 'save', '--file', file, demo!.ID)
    const made = await cloud.os<{ id: string }>('image', 'create', '--file', file, '--disk-format', 'qcow2', '--container-format', 'bare', 'mine')
    const image = await cloud.os<{ status: string, size: number }>('image', 'show', made.id)
    assert.equal(image.status, 'active')
    assert.ok(image.size > 10_000_000)
  })

  test('a server from that image becomes ACTIVE, boots to its login prompt and runs its user data', async () => {
    const userData = join(cloud.data, 'user-data.sh')
    await writeFile(userData, `#!/bin/sh\necho ${nonce} > /home/cirros/nonce\n`)
    const made = await cloud.os<Server>('server', 'create', '--flavor', 'm1.nano', '--image', 'mine', '--network', 'net1', '--key-name', 'mykey', '--security-group', 'access', '--user-data', userData, '--wait', 'web1')
    assert.equal(made.status, 'ACTIVE')
    const fixed = made.addresses['net1']![0]!
    assert.match(fixed, /^10\.11\.12\.\d+$/)
    const { floating_ip_address: floating } = await cloud.os<{ floating_ip_address: string }>('floating', 'ip', 'create', 'public')
    await ok('server', 'add', 'floating', 'ip', 'web1', floating)
    first = { id: made.id, fixed, floating }
    await consoleShows(made.id, /login:/)
  })

  test('ssh through the floating IP finds hostname, metadata and what the user data wrote', async () => {
    await cloud.until('ssh', 60, async () => (await cloud.trySsh(first.floating, key, 'true')).code === 0)
    assert.equal(await cloud.ssh(first.floating, key, 'hostname'), 'web1')
    assert.equal(await cloud.until('the nonce', 30, async () => (await cloud.trySsh(first.floating, key, 'cat /home/cirros/nonce')).stdout.trim() || undefined), nonce)
    const metadata = JSON.parse(await cloud.ssh(first.floating, key, 'wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json')) as { uuid: string, name: string }
    assert.deepEqual([metadata.uuid, metadata.name], [first.id, 'web1'])
  })

  test('the consoles of a guest are there through websockets: its terminal asks who logs in, its screen greets', async () => {
    const url = async (kind: string) => (await cloud.os<{ url: string }>('console', 'url', 'show', kind, 'web1')).url
    await consoleSays(await url('--serial'), '\r', /web1 login: /, 20)
    await consoleSays(await url('--novnc'), '', /^RFB 003\.008\n$/, 20)
  })

  test('a second guest answers ping, and a blocked port is blocked until a rule opens it', async () => {
    const made = await cloud.os<Server>('server', 'create', '--flavor', 'm1.nano', '--image', 'mine', '--network', 'net1', '--key-name', 'mykey', '--security-group', 'access', '--wait', 'web2')
    second = { id: made.id, fixed: made.addresses['net1']![0]! }
    await consoleShows(second.id, /login:/)
    await ports(`ping -c 1 -W 2 ${second.fixed} >/dev/null`, 'open')
    const { floating_ip_address: floating } = await cloud.os<{ floating_ip_address: string }>('floating', 'ip', 'create', 'public')
    await ok('server', 'add', 'floating', 'ip', 'web2', floating)
    await cloud.until('ssh to the second', 60, async () => (await cloud.trySsh(floating, key, 'true')).code === 0)
    await cloud.ssh(floating, key, 'sudo sh -c "mkdir -p /tmp/www; echo hello >/tmp/www/x; httpd -p 8080 -h /tmp/www"')
    await ports(`timeout 3 wget -q -O - http://${second.fixed}:8080/x`, 'shut')
    await ok('security', 'group', 'rule', 'create', '--proto', 'tcp', '--dst-port', '8080', '--remote-ip', '10.11.12.0/24', 'access')
    await ports(`timeout 3 wget -q -O - http://${second.fixed}:8080/x`, 'open')
    await ok('server', 'remove', 'floating', 'ip', 'web2', floating)
    await ok('floating', 'ip', 'delete', floating)
  })

  test('a volume carries a file system from one guest to the other, and a snapshot that is made while it is mounted holds what was there then', async () => {
    volume = (await cloud.os<{ id: string }>('volume', 'create', '--size', '1', 'data')).id
    await cloud.until('volume available', 30, async () => (await cloud.os<{ status: string }>('volume', 'show', volume)).status === 'available')
    await ok('server', 'add', 'volume', 'web1', 'data')
    await cloud.until('volume in the first guest', 30, async () => (await cloud.trySsh(first.floating, key, 'test -b /dev/vdb')).code === 0)
    await cloud.ssh(first.floating, key, `sudo sh -c "mkfs.ext4 -q /dev/vdb && mkdir -p /mnt/v && mount /dev/vdb /mnt/v && echo ${nonce} > /mnt/v/nonce && umount /mnt/v"`)
    await ok('server', 'remove', 'volume', 'web1', 'data')
    await cloud.until('volume free', 30, async () => (await cloud.os<{ status: string }>('volume', 'show', volume)).status === 'available')
    assert.equal((await cloud.trySsh(first.floating, key, 'test -b /dev/vdb')).code, 1)
    await ok('server', 'remove', 'floating', 'ip', 'web1', first.floating)
    await ok('server', 'add', 'floating', 'ip', 'web2', first.floating)
    await ok('server', 'add', 'volume', 'web2', 'data')
    await cloud.until('ssh to the second', 60, async () => (await cloud.trySsh(first.floating, key, 'test -b /dev/vdb')).code === 0)
    assert.equal(await cloud.ssh(first.floating, key, 'sudo sh -c "mkdir -p /mnt/v && mount /dev/vdb /mnt/v && cat /mnt/v/nonce"'), nonce)
    await ok('volume', 'snapshot', 'create', '--force', '--volume', 'data', 'then')
    await cloud.until('snapshot available', 60, async () => (await cloud.os<{ status: string }>('volume', 'snapshot', 'show', 'then')).status === 'available')
    assert.equal((await cloud.os<{ status: string }>('volume', 'show', volume)).status, 'in-use')
    await cloud.ssh(first.floating, key, 'sudo sh -c "echo later > /mnt/v/later && umount /mnt/v"')
    await ok('server', 'remove', 'volume', 'web2', 'data')
    await ok('volume', 'create', '--snapshot', 'then', 'copy')
    await cloud.until('volume available', 60, async () => (await cloud.os<{ status: string }>('volume', 'show', 'copy')).status === 'available')
    await cloud.until('the first disk gone', 60, async () => (await cloud.trySsh(first.floating, key, 'test -b /dev/vdb')).code === 1)
    await ok('server', 'add', 'volume', 'web2', 'copy')
    await cloud.until('the copy in the guest', 60, async () => (await cloud.trySsh(first.floating, key, 'test -b /dev/vdb')).code === 0)
    assert.deepEqual((await cloud.ssh(first.floating, key, 'sudo sh -c "mount /dev/vdb /mnt/v && cat /mnt/v/nonce && ls /mnt/v && umount /mnt/v"')).split(/\s+/), [nonce, 'lost+found', 'nonce'])
    await ok('server', 'remove', 'volume', 'web2', 'copy')
    await cloud.until('the copy free', 60, async () => (await cloud.os<{ status: string }>('volume', 'show', 'copy')).status === 'available')
    await ok('volume', 'delete', 'copy')
    await ok('volume', 'snapshot', 'delete', 'then')
    await ok('server', 'remove', 'floating', 'ip', 'web2', first.floating)
    await ok('server', 'add', 'floating', 'ip', 'web1', first.floating)
  })

  test('stop, start and both reboots keep the guest and what is on its disk', async () => {
    const answers = async () => cloud.until('ssh', BOOT, async () => (await cloud.trySsh(first.floating, key, 'cat /home/cirros/nonce')).stdout.trim() === nonce)
    await answers()
    await cloud.ssh(first.floating, key, 'sync')
    await ok('server', 'stop', 'web1')
    await serverIs(first.id, 'SHUTOFF')
    await ok('server', 'start', 'web1')
    await serverIs(first.id, 'ACTIVE')
    await answers()
    for (const kind of ['--soft', '--hard']) {
      const before = await cloud.ssh(first.floating, key, 'cat /proc/sys/kernel/random/boot_id')
      await ok('server', 'reboot', kind, '--wait', 'web1')
      await cloud.until(`a new boot after ${kind}`, BOOT, async () => {
        const { code, stdout } = await cloud.trySsh(first.floating, key, 'cat /proc/sys/kernel/random/boot_id')
        return code === 0 && stdout.trim() !== before
      })
      await answers()
    }
  })

  test('a snapshot becomes an image, and a server boots from it with what was on the disk', async () => {
    await cloud.ssh(first.floating, key, 'sync')
    snapshot = (await cloud.os<{ id: string }>('server', 'image', 'create', '--name', 'snap', '--wait', 'web1')).id
    await cloud.until('snapshot active', 60, async () => (await cloud.os<{ status: string }>('image', 'show', snapshot)).status === 'active')
    const made = await cloud.os<Server>('server', 'create', '--flavor', 'm1.nano', '--image', 'snap', '--network', 'net1', '--key-name', 'mykey', '--security-group', 'access', '--wait', 'web3')
    await consoleShows(made.id, /web3 login:/)
    await ok('server', 'remove', 'floating', 'ip', 'web1', first.floating)
    await ok('server', 'add', 'floating', 'ip', 'web3', first.floating)
    assert.equal(await cloud.until('the nonce in the copy', 60, async () => (await cloud.trySsh(first.floating, key, 'cat /home/cirros/nonce')).stdout.trim() || undefined), nonce)
    assert.equal(await cloud.ssh(first.floating, key, 'hostname'), 'web3')
    await ok('server', 'remove', 'floating', 'ip', 'web3', first.floating)
    await ok('server', 'delete', '--wait', 'web3')
    await ok('server', 'add', 'floating', 'ip', 'web1', first.floating)
  })

  test('after kill -9 and up, what ran still runs, unbroken, and is managed', async () => {
    await cloud.until('ssh', BOOT, async () => (await cloud.trySsh(first.floating, key, 'true')).code === 0)
    const before = Number((await cloud.ssh(first.floating, key, 'cat /proc/uptime')).split(' ')[0])
    await cloud.crash()
    await cloud.up()
    const since = Number((await cloud.ssh(first.floating, key, 'cat /proc/uptime')).split(' ')[0])
    assert.ok(since > before, `uptime went from ${before} to ${since}`)
    await ok('server', 'reboot', '--hard', '--wait', 'web2')
    await serverIs(second.id, 'ACTIVE')
  })

  test('after down nothing runs and the host is clean; after up the same servers run again', async () => {
    await cloud.ssh(first.floating, key, 'sync')
    await cloud.down()
    assert.deepEqual(await cloud.traces(), [])
    await cloud.up()
    await serverIs(first.id, 'ACTIVE')
    assert.equal(await cloud.until('the nonce', BOOT, async () => (await cloud.trySsh(first.floating, key, 'cat /home/cirros/nonce')).stdout.trim() || undefined), nonce)
  })

  test('when everything is deleted, the audit finds nothing and the host is clean', async () => {
    await ok('server', 'delete', '--wait', 'web1', 'web2')
    await ok('volume', 'delete', 'data')
    await ok('image', 'delete', 'mine', 'snap')
    await ok('floating', 'ip', 'delete', first.floating)
    await ok('router', 'remove', 'subnet', 'router-e2e', 'subnet1')
    await ok('router', 'delete', 'router-e2e')
    await ok('network', 'delete', 'net1')
    await ok('security', 'group', 'delete', 'access')
    await ok('keypair', 'delete', 'mykey')
    await cloud.until('volumes gone', 30, async () => (await cloud.os<unknown[]>('volume', 'list')).length === 0)
    assert.equal(await cloud.audit(), 'clean')
    await cloud.down()
    assert.deepEqual(await cloud.traces(), [])
  })
}

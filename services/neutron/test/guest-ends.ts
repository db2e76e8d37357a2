// Stand-ins for guests in tests: a namespace whose one interface is wired to a port's tap by a QEMU without a machine. So the tap is held
// and fed as a guest's is, and packets leave with their checksums made, without a guest's boot.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '@alto/kit/testing'
import { commandHost, addNamespace, readLinks, removeNamespace } from '@alto/kit/host'

const CLIENT = new URL('dhcp-client.ts', import.meta.url).pathname

/** What a guest was given by DHCP. */
export interface Lease {
  readonly address: string
  readonly server: string
  readonly dns: readonly string[]
  readonly router: readonly string[]
  readonly routes: readonly string[]
  readonly mtu: number
  readonly domain: string
}

/** A guest end. */
export interface GuestEnd extends AsyncDisposable {
  readonly netns: string
  /** Runs a command where the guest is; its exit code and what it said. */
  run(...argv: [string, ...string[]]): Promise<{ code: number, stdout: string }>
  /** True when somebody offers it a lease within 1.5 s. */
  isOffered(): Promise<boolean>
  /** Asks for a lease, as `mac` when it is not the first one, and configures the interface by it. */
  lease(as?: string): Promise<Lease>
  /** True when the address answers a ping within a second. */
  pings(address: string): Promise<boolean>
  /** Answers on a TCP port with `text` until the guest ends. */
  listen(port: number, text: string): Promise<void>
  /** What a TCP server at the address said first; '' when it did not let us in within 1.5 s. */
  hears(address: string, port: number): Promise<string>
}

/** Plugs a guest end into `tap`, which is in the namespace `bridges`. */
export async function plug(bridges: string, tap: string, mac: string): Promise<GuestEnd> {
  const netns = `guest-${tap.slice(3)}`
  const inside = `g${tap.slice(3)}`
  const children: { kill(): unknown }[] = []
  await addNamespace(commandHost, netns)
  const hub = (id: string, name: string) => ['-netdev', `tap,id=t${id},ifname=${name},script=no,downscript=no,vnet_hdr=off`, '-netdev', `hubport,id=h${id},hubid=0,netdev=t${id}`]
  const relay = spawn('nsenter', [`--net=/run/netns/${bridges}`, '--', 'qemu-system-x86_64', '-machine', 'none', '-nodefaults', '-display', 'none', ...hub('0', tap), ...hub('1', inside)],
    { stdio: ['ignore', 'ignore', 'pipe'] })
  let words = ''
  relay.stderr.on('data', chunk => { words += chunk })
  children.push({ kill: () => relay.kill('SIGKILL') })
  await until('the tap is there', async () => {
    assert.equal(relay.exitCode, null, words)
    return (await readLinks(commandHost, bridges)).some(link => link.ifname === inside)
  })
  await commandHost.run(['ip', 'link', 'set', 'dev', inside, 'address', mac, 'netns', netns], { netns: bridges })
  await commandHost.run(['ip', 'link', 'set', 'dev', inside, 'name', 'eth0'], { netns })
  await commandHost.run(['ip', 'link', 'set', 'dev', 'eth0', 'up'], { netns })
  const run = (...argv: [string, ...string[]]) => commandHost.run(argv, { netns, accept: Array.from({ length: 256 }, (_, i) => i), deadline: 15_000 })
  async function ask(as: string, ms: number) {
    await run('ip', 'route', 'prepend', 'default', 'dev', 'eth0')
    const answer = await run(process.execPath, CLIENT, as, String(ms))
    await run('ip', 'route', 'delete', 'default', 'dev', 'eth0')
    return answer
  }
  return {
    netns,
    run,
    async isOffered() {
      return (await ask(mac, 1500)).code === 0
    },
    async lease(as = mac) {
      const { code, stdout } = await ask(as, 5000)
      assert.equal(code, 0, 'the guest got no lease')
      const lease = JSON.parse(stdout) as Lease
      await run('ip', 'address', 'replace', lease.address, 'dev', 'eth0')
      for (const route of lease.routes) await run('ip', 'route', 'replace', ...route.split(' '))
      return lease
    },
    async pings(address) {
      return (await run('ping', '-c1', '-W1', address)).code === 0
    },
    async listen(port, text) {
      children.push(await answerOn(netns, port, text))
    },
    hears: (address, port) => hear(address, port, netns),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill()
      if (relay.exitCode === null && relay.signalCode === null) await once(relay, 'close')
      await removeNamespace(commandHost, netns)
    },
  }
}

/** Answers on a TCP port inside a namespace, until it is killed. */
export async function answerOn(netns: string, port: number, text: string): Promise<{ kill(): unknown }> {
  const script = `require('node:net').createServer(s => s.on('error', () => {}).end(process.argv[2] + ' ' + s.remoteAddress)).listen(+process.argv[1], '0.0.0.0', () => console.log('up'))`
  const child = spawn('nsenter', [`--net=/run/netns/${netns}`, '--', process.execPath, '-e', script, '--', String(port), text], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return { kill: () => child.kill('SIGKILL') }
}

/** What a TCP server said first to a client in `netns` (none: the machine itself); '' when it did not let us in within 1.5 s. */
export async function hear(address: string, port: number, netns?: string): Promise<string> {
  const script = `const s = require('node:net').connect(+process.argv[2], process.argv[1]).on('error', () => process.exit(1)).on('data', d => { console.log(String(d)); process.exit(0) }); setTimeout(() => process.exit(1), 1500)`
  const { stdout } = await commandHost.run([process.execPath, '-e', script, '--', address, String(port)], { ...(netns && { netns }), accept: [0, 1] })
  return stdout.trim()
}

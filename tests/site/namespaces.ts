// Hosts of a site on one machine: each is a network namespace with a mount namespace, so that it has interfaces, a firewall and a /run of its own.
//
//   this namespace  10.255.0.1 (controllers, RabbitMQ)      172.24.4.0/24 by way of the host that leads there (a route)
//        | veth 10.255.N.1 - 10.255.N.2: management               |
//      hostN ---- veth 10.254.0.N - 10.254.0.M: the wire ---- hostM, to nothing else
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { run } from '../e2e/cloud.ts'

/** Where controllers are reached from every host. */
export const CONTROL = '10.255.0.1'

/** The addresses of the demo set's external network. */
export const EXTERNAL = '172.24.4.0/24'

/** A host of the site. */
export interface HostNamespace {
  readonly name: string
  /** Begins a command that runs there. */
  readonly within: readonly string[]
  /** Of its end of the wire. */
  readonly tunnelAddress: string
  /** Of its end of the management link. */
  readonly address: string
  remove(): Promise<void>
}

/** Makes `count` (1 or 2) hosts; this process must be in a network namespace of its own. Throws with the command that failed. */
export async function hostNamespaces(count: 1 | 2): Promise<HostNamespace[]> {
  await must('ip', 'address', 'replace', `${CONTROL}/32`, 'dev', 'lo')
  const hosts: HostNamespace[] = []
  for (let n = 1; n <= count; n++) hosts.push(await hostNamespace(n))
  if (hosts.length === 2) {
    const [a, b] = hosts.map(host => host.within) as [readonly string[], readonly string[]]
    await must(...a, 'ip', 'link', 'add', 'wire', 'mtu', '1600', 'type', 'veth', 'peer', 'name', 'wire', 'mtu', '1600', 'netns', b[2]!)
    for (const host of hosts) {
      await must(...host.within, 'ip', 'address', 'add', `${host.tunnelAddress}/24`, 'dev', 'wire')
      await must(...host.within, 'ip', 'link', 'set', 'wire', 'up')
    }
  }
  return hosts
}

async function hostNamespace(n: number): Promise<HostNamespace> {
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && echo made && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit').then(() => { throw new Error(`host${n} could not be made`) })])
  const pid = String(holder.pid)
  const within = ['nsenter', '--target', pid, '--net', '--mount', '--']
  const address = `10.255.${n}.2`
  await must('ip', 'link', 'add', `host${n}`, 'type', 'veth', 'peer', 'name', 'management', 'netns', pid)
  await must('ip', 'address', 'add', `10.255.${n}.1/24`, 'dev', `host${n}`)
  await must('ip', 'link', 'set', `host${n}`, 'up')
  await must(...within, 'ip', 'address', 'add', `${address}/24`, 'dev', 'management')
  await must(...within, 'ip', 'link', 'set', 'management', 'up')
  await must(...within, 'ip', 'route', 'add', `${CONTROL}/32`, 'via', `10.255.${n}.1`)
  return { name: `host${n}`, within, tunnelAddress: `10.254.0.${n}`, address, remove: () => remove(holder, `host${n}`) }
}

async function remove(holder: ChildProcess, link: string): Promise<void> {
  if (holder.exitCode === null && holder.signalCode === null) {
    holder.kill('SIGKILL')
    await once(holder, 'exit')
  }
  await run('ip', ['link', 'delete', link])                // gone already with the namespace, or soon
}

/** Runs a command; throws when it fails. */
export async function must(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command[0]!, command.slice(1))
  if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr || stdout}`)
  return stdout
}

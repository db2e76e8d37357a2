// What can die in a site, how it is killed, and how it comes back: as under a supervisor, at once.
import type { Ids } from '@alto/kit/ids'
import { run } from '../e2e/cloud.ts'
import type { Site } from '../site/site.ts'

/** The parts that die. */
export const VICTIMS = ['controller', 'agents', 'qemu', 'storage-daemon', 'dnsmasq', 'rabbitmq', 'postgres'] as const
export type Victim = typeof VICTIMS[number]

/** A part that was killed; `back` resolves when it runs again, where somebody starts it. */
export interface Killed { what: string, back: Promise<void> }

/** Kills one of `victim`, chosen with `random`; undefined when none runs, or it is just coming back (`returning`, by its `what`). */
export async function kill(site: Site, victim: Victim, random: Ids, returning: ReadonlySet<string>): Promise<Killed | undefined> {
  const host = site.hosts[random.below(site.hosts.length)]!
  switch (victim) {
    case 'controller': {
      const running = site.controllers.filter(one => one.pid !== undefined && !returning.has(one.name))
      const one = running[random.below(Math.max(1, running.length))]
      if (!one) return undefined
      await one.kill()
      return { what: one.name, back: one.start() }
    }
    case 'agents': {
      if (host.agents.pid === undefined || returning.has(`agents of ${host.name}`)) return undefined
      await host.agents.kill()
      return { what: `agents of ${host.name}`, back: host.agents.start() }
    }
    case 'qemu': return killProcess('qemu', `guest=alto-${site.id}`, random)
    case 'storage-daemon': return killProcess('qemu-storage', site.id, random)
    case 'dnsmasq': return killProcess('dnsmasq', site.id, random)
    case 'rabbitmq': {
      if (returning.has('RabbitMQ')) return undefined
      await site.rabbitmq.kill()
      return { what: 'RabbitMQ', back: site.rabbitmq.start() }
    }
    case 'postgres': {
      if (returning.has('PostgreSQL')) return undefined
      await site.postgres.kill()
      return { what: 'PostgreSQL', back: site.postgres.start() }
    }
  }
}

/** Nobody but its agent brings such a process back. */
async function killProcess(command: string, mark: string, random: Ids): Promise<Killed | undefined> {
  const { stdout } = await run('pgrep', ['-af', mark])
  const found = stdout.split('\n').filter(line => line.split(' ')[1]?.includes(command))
  if (found.length === 0) return undefined
  const pid = Number(found[random.below(found.length)]!.split(' ')[0])
  process.kill(pid, 'SIGKILL')
  return { what: `${command} ${pid}`, back: Promise.resolve() }
}

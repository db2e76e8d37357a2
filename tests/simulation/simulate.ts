// One run of the simulated cloud from a seed: bursts in which tenants do what they like while everything fails, each followed by peace, in which the cloud
// has to come to rest with nothing stuck, lost or left. The same seed gives the same run, to the last message.
import { messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { learn, underWay, wrongs } from './checks.ts'
import { OPERATIONS, type Scene } from './operations.ts'
import { ROUGH, SimulatedSite } from './site.ts'
import { Tenant } from './tenant.ts'

/** What a run is. */
export interface RunOptions {
  readonly seed: string
  /** Operations in all. */
  readonly steps: number
  /** Given each line of the trace, and the logs of all processes: for whoever looks for a bug. */
  readonly tell?: (line: string) => void
  readonly log?: Log
}

/** How a run ended. Two runs of one seed have the same hash. */
export interface RunResult {
  readonly steps: number
  readonly hash: string
  readonly lines: number
  /** Milliseconds that passed in the cloud. */
  readonly passed: number
}

/** Operations until the next peace. */
const BURST = 50
const HOSTS = 3
const TENANTS = 3
/** How long the cloud may take to come to rest, milliseconds. */
const REST = 30 * 60_000

/** A run that found a bug; the message says which, where, and how to see it again. */
export class Broken extends Error {
  constructor({ seed, steps }: RunOptions, step: number, wrong: readonly string[], last: readonly string[]) {
    super(`seed ${seed}, step ${step}:\n${wrong.map(one => `  ${one}`).join('\n')}\nthe last that happened:\n${last.map(line => `  ${line.slice(0, 240)}`).join('\n')}\nto see it again: npm run simulate -- --seed ${seed} --steps ${steps} --trace`)
    this.name = 'Broken'
  }
}

/** Runs the cloud. Throws Broken when something was wrong. */
export async function simulate(options: RunOptions): Promise<RunResult> {
  await using site = new SimulatedSite({ seed: options.seed, hosts: HOSTS, tell: options.tell, log: options.log })
  let step = 0
  const refuse = (wrong: readonly string[]) => { if (wrong.length > 0) throw new Broken(options, step, wrong, site.trace.last) }
  try {
    const { admin, tenants, common } = await begin(site)
    const all = [admin, ...tenants]
    const busy = new Set<Promise<unknown>>()
    while (step < options.steps) {
      site.trouble = ROUGH
      for (const end = Math.min(step + BURST, options.steps); step < end; step++) {
        const me = tenants[site.chance.below(tenants.length)]!
        const operation = drawn(site.chance.below(WEIGHT))
        site.trace.add(`step ${step}: ${me.name}: ${operation.name}`)
        const doing: Promise<unknown> = operation.run({ site, me, others: tenants.filter(one => one !== me), admin, common }).catch((error: unknown) => { site.broken.push(`${operation.name}: ${error instanceof Error ? error.stack : messageOf(error)}`) }).finally(() => busy.delete(doing))
        busy.add(doing)
        misfortune(site)
        await site.clock.advance(site.oneIn(3) ? 0 : site.chance.below(site.oneIn(10) ? 30_000 : 1500))
        refuse([...site.broken, ...all.flatMap(tenant => tenant.overdue())])
      }
      site.trace.add('peace')
      site.heal()
      refuse(await rested(site, tenants, busy))
      refuse(site.broken)
      site.trace.isChecking = true
      await site.clock.until(learn(tenants))
      site.trace.isChecking = false
      await site.clock.until(tidy(tenants))
    }
    return { steps: step, hash: site.trace.hash, lines: site.trace.lines, passed: site.clock.passed }
  } catch (error) {
    throw error instanceof Broken ? error : new Broken(options, step, [...site.broken, error instanceof Error ? error.stack ?? error.message : String(error)], site.trace.last)
  }
}

const WEIGHT = OPERATIONS.reduce((sum, { weight }) => sum + weight, 0)

function drawn(n: number) {
  let left = n
  return OPERATIONS.find(({ weight }) => (left -= weight) < 0)!
}

/** What is still wrong when the cloud should have come to rest. */
async function rested(site: SimulatedSite, tenants: readonly Tenant[], busy: ReadonlySet<unknown>): Promise<string[]> {
  let wrong: string[] = []
  for (const until = site.clock.passed + REST; site.clock.passed < until;) {
    await site.clock.advance(5000)
    if (site.broken.length > 0) return []
    wrong = busy.size > 0 ? [`${busy.size} operations of tenants have not ended`] : await site.clock.until(underWay(site))
    site.trace.isChecking = true
    if (wrong.length === 0) wrong = site.controller ? await site.clock.until(wrongs(site, tenants)) : ['the controller has not come up']
    site.trace.isChecking = false
    if (wrong.length === 0) return []
  }
  return wrong.map(one => `not at rest after ${REST / 60_000} minutes: ${one}`)
}

/** What may go wrong between two steps. */
function misfortune(site: SimulatedSite): void {
  const { chance, clock } = site
  const host = site.hosts[chance.below(site.hosts.length)]!
  if (!site.controller) clock.after(500 + chance.below(20_000), () => site.startController())
  switch (chance.below(60)) {
    case 0: case 1:
      site.killHost(host)
      clock.after(chance.below(site.oneIn(4) ? 150_000 : 15_000), () => site.startHost(host))
      break
    case 2:
      site.cut(host, true)
      clock.after(chance.below(site.oneIn(4) ? 150_000 : 20_000), () => site.cut(host, false))
      break
    case 3: site.killController('between two steps'); break
    case 4: case 5: void guestDies(site); break
    case 6: {
      const ms = chance.below(6000) - 3000
      site.trace.add(`the clock is set by ${ms} ms`)
      clock.set(ms)
    }
  }
}

async function guestDies(site: SimulatedSite): Promise<void> {
  const { chance, trace } = site
  const { name, world } = site.hosts[chance.below(site.hosts.length)]!
  const running = (await world.compute.marked()).filter(({ kind }) => kind === 'process')
  if (running.length === 0) return
  const { serverId } = running[chance.below(running.length)]!
  const how = (['vanish', 'crash', 'endByItself'] as const)[chance.below(3)]!
  trace.add(`guest ${serverId} on ${name}: ${how}`)
  world.compute[how](serverId)
}

/** Takes away what tenants have too much of, so that quotas do not stop everything. */
async function tidy(tenants: readonly Tenant[]): Promise<void> {
  const most = { server: 5, snapshot: 3, volume: 6, floatingip: 4, port: 8, router: 3, image: 5, network: 3, serverGroup: 3, group: 3 } as const
  for (const tenant of tenants) {
    for (const [kind, count] of Object.entries(most) as [keyof typeof most, number][]) for (const id of tenant.has(kind).slice(count)) await tenant.take(kind, id)
  }
}

/** The cloud, up, with its tenants. */
async function begin(site: SimulatedSite): Promise<{ admin: Tenant, tenants: Tenant[], common: Scene['common'] }> {
  site.heal()
  for (let waited = 0; !site.controller && waited < 100; waited++) await site.clock.advance(100)
  await site.clock.advance(15_000)
  return site.clock.until(furnish(site))
}

async function furnish(site: SimulatedSite): Promise<{ admin: Tenant, tenants: Tenant[], common: Scene['common'] }> {
  const admin = new Tenant(site, { name: 'admin', password: 'secret', projectId: '' })
  const post = async <T>(path: string, body: unknown, key: string): Promise<T> => {
    const { status, body: answer } = await admin.ask('POST', path, body)
    if (status >= 300) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`)
    return (key === '' ? answer : answer[key]) as T
  }
  const [K, N] = ['/identity/v3', '/networking/v2.0']
  const member = (await admin.list(`${K}/roles`, 'roles')).find(role => role['name'] === 'member')!['id'] as string
  const tenants: Tenant[] = []
  for (let n = 1; n <= TENANTS; n++) {
    const { id: projectId } = await post<{ id: string }>(`${K}/projects`, { project: { name: `tenant${n}`, domain_id: 'default' } }, 'project')
    const { id: user } = await post<{ id: string }>(`${K}/users`, { user: { name: `tenant${n}`, password: 'secret', domain_id: 'default' } }, 'user')
    await admin.ask('PUT', `${K}/projects/${projectId}/users/${user}/roles/${member}`)
    tenants.push(new Tenant(site, { name: `tenant${n}`, password: 'secret', projectId }))
  }
  const { id: external } = await post<{ id: string }>(`${N}/networks`, { network: { name: 'public', 'router:external': true } }, 'network')
  await post(`${N}/subnets`, { subnet: { network_id: external, ip_version: 4, cidr: '172.24.4.0/24', gateway_ip: '172.24.4.1', enable_dhcp: false } }, 'subnet')
  const flavors: string[] = []
  for (const [name, ram, vcpus] of [['small', 512, 1], ['large', 4096, 4]] as const) flavors.push((await post<{ id: string }>('/compute/v2.1/flavors', { flavor: { name, ram, vcpus, disk: 1 } }, 'flavor')).id)
  const { id: image } = await post<{ id: string }>('/image/v2/images', { name: 'common', disk_format: 'raw', container_format: 'bare', visibility: 'public' }, '')
  await admin.ask('PUT', `/image/v2/images/${image}/file`, Buffer.alloc(4096, 7))
  for (const [n, tenant] of tenants.entries()) {
    const network = await tenant.make('network', { name: 'home' })
    const subnet = await tenant.make('subnet', { network_id: network, ip_version: 4, cidr: `192.168.${n}.0/24` })
    const router = await tenant.make('router', { name: 'home', external_gateway_info: { network_id: external } })
    await tenant.ask('PUT', `${N}/routers/${router}/add_router_interface`, { subnet_id: subnet })
  }
  return { admin, tenants, common: { external, image, flavors } }
}

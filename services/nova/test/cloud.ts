// A Nova of its own for a test: real store in memory, real policy, real agents on fake hypervisors, and neighbours at the fetch seam.
import { computeAgent, computeControl } from '@alto/contracts/compute-agent'
import { ManualClock } from '@alto/kit/clock'
import type { DataListener } from '@alto/kit/data-link'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import { enforcer, policySet, type Credentials } from '@alto/kit/policy'
import { client, LocalTransport, refuseOldPeer, type ContractVersion, type LocalTransportOptions } from '@alto/kit/rpc'
import { computeAgentOn, fakeHypervisor, migrations, novaService, policy, type Hypervisor, type NovaParts, type RunningAgent, type Tables } from '../index.ts'
import { neighbourhood, neighbours, type Neighbourhood } from './neighbours.ts'

/** An answer, its body parsed. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

export interface Who { project?: string, user?: string, roles?: string[] }

export const OPTIONS: NovaParts['options'] = {
  cpuAllocationRatio: 4, ramAllocationRatio: 1, diskAllocationRatio: 1, reservedHostMemoryMb: 512, quotaInstances: 10, quotaCores: 20, quotaRam: 51_200, vifPluggingTimeout: 300, shutdownTimeout: 60,
  serviceDownTime: 60, defaultAvailabilityZone: 'nova', dhcpDomain: 'novalocal',
  consoleTokenTtl: 600, consoleBaseUrl: null, consoleAllowedOrigins: [],
}
const MEMBER: Required<Who> = { project: 'p1', user: 'u1', roles: ['member', 'reader'] }
export const ADMIN: Who = { project: 'pa', user: 'ua', roles: ['admin', 'manager', 'member', 'reader'] }
export const SERVICE: Who = { project: 'service', user: 'neutron', roles: ['service'] }
export const SECRET = 'shared'

export type Cloud = Awaited<ReturnType<typeof novaAlone>>

/** Nova, alone or (with a `db` and the neighbours of the first) one of several on it, each by a `name` of its own; with hosts (`h1`, …) and a flavor `1`. Time passes only when a test lets it. */
export async function novaAlone(opts: { db?: Database<Tables>, name?: string, others?: Neighbourhood, hosts?: number, vcpus?: number, options?: Partial<NovaParts['options']>, flavors?: boolean, bus?: (options: LocalTransportOptions) => LocalTransport, console?: Hypervisor['console'], link?: (clock: ManualClock) => Promise<DataListener>, dataSecret?: string } = {}) {
  const clock = new ManualClock()
  const log = memoryLog()
  const ids = seededIds(opts.name ?? 'nova')
  const db = opts.db ?? openSqlite<Tables>(':memory:')
  if (!opts.db) await migrate(db, migrations, clock)
  const rpc = (opts.bus ?? (options => new LocalTransport(options)))({ clock, log })
  const others = opts.others ?? neighbourhood()
  const asked = enforcer(policySet(policy))
  const nova = novaService({
    db, clock, ids, log, transport: rpc, host: opts.name ?? 'controller', metadataSecret: SECRET, dataSecret: opts.dataSecret ?? SECRET, options: { ...OPTIONS, ...opts.options }, enforcer: () => asked, fetch: neighbours(others), session: { token: async () => 'service-token' },
    authenticate: async token => JSON.parse(Buffer.from(token, 'base64').toString()) as Credentials,
    endpoints: { placement: '/placement', network: '/network', image: '/image', volume: '/volume' },
  })
  rpc.serve(computeControl, 'nova', nova.control)
  const server = await httpServer({ services: nova.http, log, ids, clock, publicUrl: 'http://cloud' })
  await nova.start()
  const agents: RunningAgent[] = []
  const hypervisors = Array.from({ length: opts.hosts ?? 1 }, () => fakeHypervisor({ clock, diskMs: 20, startMs: 20, shutdownMs: 500, vcpus: opts.vcpus ?? 8, memoryMib: 16_384, diskGib: 100 }))
  const link = await opts.link?.(clock)
  for (const [index, fake] of hypervisors.entries()) {
    const driver: Hypervisor = opts.console ? { ...fake, console: opts.console } : fake
    const host = `h${index + 1}`
    const agent = computeAgentOn({ driver, images: nova.images, clock, log, control: client(computeControl, rpc, 'nova'), host, incarnation: 'one', link, refuseOldControllers: (since, what) => refuseOldPeer(rpc, { contract: computeControl.name, target: 'nova', since, what }) })
    rpc.serve(computeAgent, host, agent.agent)
    agents.push(agent)
    await pass(clock, agent.start())
  }

  async function ask(who: Who | undefined, method: string, path: string, body?: unknown, version?: string, headers: Record<string, string> = {}): Promise<Answer> {
    const { project, user, roles } = { ...MEMBER, ...who }
    const token = Buffer.from(JSON.stringify({ userId: user, userDomainId: 'default', projectId: project, projectDomainId: 'default', roles } satisfies Credentials)).toString('base64')
    const answering = server.fetch({
      method, url: /^\/(metadata-internal|console)\//.test(path) ? path : `/compute${path}`, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(who !== undefined && { 'x-auth-token': token }), ...(version !== undefined && { 'openstack-api-version': `compute ${version}` }), ...headers },
    })
    const response = await pass(clock, answering)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : (response.headers['content-type'] ?? '').includes('json') ? JSON.parse(text) : text }
  }

  const cloud = {
    ask, clock, log, db, nova, others, hypervisors,
    /** A client of one caller, at one microversion. */
    as(who: Who = {}, version?: string) {
      return {
        get: (path: string) => ask(who, 'GET', path, undefined, version), post: (path: string, body: unknown) => ask(who, 'POST', path, body, version),
        put: (path: string, body: unknown) => ask(who, 'PUT', path, body, version), delete: (path: string) => ask(who, 'DELETE', path, undefined, version),
      }
    },
    /** Lets time pass until `condition` holds; fails after ten minutes of it. */
    async until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
      for (let i = 0; !await condition(); i++) {
        if (i > 6000) throw new Error(`never came: ${what}; log: ${JSON.stringify(log.lines.filter(line => line.level !== 'debug').slice(-5))}`)
        await clock.advance(100)
      }
    },
    /** Waits until the server has that status and is not busy. */
    async settle(id: string, status: string): Promise<any> { // eslint-disable-line @typescript-eslint/no-explicit-any
      let last: Answer | undefined
      await cloud.until(async () => {
        last = await ask(ADMIN, 'GET', `/v2.1/servers/${id}`, undefined, '2.96')
        if (last.body.server?.status === 'ERROR' && status !== 'ERROR') throw new Error(`server in ERROR: ${last.body.server.fault?.details}`)
        return last.body.server?.status === status && last.body.server['OS-EXT-STS:task_state'] === null
      }, `server ${status}`)
      await clock.advance(1000)
      return last!.body.server
    },
    /** Listens on a port of this machine, which it gives. */
    listen: (): Promise<number> => server.listen({ host: '127.0.0.1', port: 0 }),
    /** What a browser gets of the page of consoles. */
    page: (path: string): Promise<Answer> => ask(undefined, 'GET', `/console${path}`),
    /** Ends the agent of a host; its guests go on. */
    silence: (index: number): Promise<void> => pass(clock, agents[index]!.stop()),
    async gone(id: string): Promise<void> {
      await cloud.until(async () => (await ask(ADMIN, 'GET', `/v2.1/servers/${id}`)).status === 404, 'the server is gone')
    },
    /** A server of p1, ACTIVE. */
    async server(more: Record<string, unknown> = {}): Promise<string> {
      const made = await ask({}, 'POST', '/v2.1/servers', { server: { name: 'web', imageRef: [...others.images.keys()][0], flavorRef: '1', networks: 'auto', ...more } }, '2.96')
      if (made.status !== 202) throw new Error(JSON.stringify(made.body))
      await cloud.settle(made.body.server.id, 'ACTIVE')
      return made.body.server.id as string
    },
    async [Symbol.asyncDispose]() {
      await pass(clock, Promise.all([...agents.map(agent => agent.stop()), nova.stop(), server.close(), link?.close()]))
      if (!opts.db) await db.close()
    },
  }
  if (opts.flavors !== false) await ask(ADMIN, 'POST', '/v2.1/flavors', { flavor: { id: '1', name: 'm1.tiny', ram: 512, vcpus: 1, disk: 1 } })
  return cloud
}

/** A bus on which everybody who answers `contract` is older. */
export const older = (contract: string, version: ContractVersion) => (options: LocalTransportOptions): LocalTransport => new class extends LocalTransport {
  override spokenBy(asked: string, target: string): ContractVersion | undefined {
    return asked === contract ? version : super.spokenBy(asked, target)
  }
}(options)

/** Lets the clock go on while `work` needs it. */
async function pass<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let done = false
  void work.finally(() => { done = true }).catch(() => {})
  for (let i = 0; !done && i < 100_000; i++) {
    await new Promise(resolve => setImmediate(resolve))
    if (!done && i % 20 === 19) await clock.advance(10)
  }
  return work
}

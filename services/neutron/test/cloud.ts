// A Neutron of its own for a test: real store in memory, real policy, hosts with real agents on fake machines, and a Nova that only listens.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { networkAgent, networkControl } from '@alto/contracts/network-agent'
import { ManualClock } from '@alto/kit/clock'
import { loadConfig, type Values } from '@alto/kit/config'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import type { ServerEvent } from '@alto/kit/openstack'
import { enforcer, policySet } from '@alto/kit/policy'
import { client, LocalTransport } from '@alto/kit/rpc'
import { startNetworkAgent } from '../agent/network-agent.ts'
import { databaseEpochFile } from '../agent/database-epoch.ts'
import { Rows } from '../agent/rows.ts'
import { fakeNetwork } from '../driver/fake.ts'
import type { NetworkDriver } from '../driver/network.ts'
import { declared, migrations, neutronOptions, neutronService, policyKinds, type Tables } from '../index.ts'

/** An answer, its body parsed. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

export type Cloud = Awaited<ReturnType<typeof neutronAlone>>

/** Neutron alone; with a `db`, one of several on it, each by a `name` of its own. A token is `PROJECT:ROLE,ROLE`; asked as member of project `p` unless told otherwise. */
export async function neutronAlone(given: { db?: Database<Tables>, name?: string, options?: Partial<Values<typeof neutronOptions>> } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'alto-neutron-'))
  const clock = new ManualClock()
  const ids = seededIds(given.name ?? 'neutron')
  const log = memoryLog()
  const db = given.db ?? openSqlite<Tables>(':memory:')
  if (!given.db) await migrate(db, migrations, clock)
  const asked = enforcer(policySet(declared.rules), policyKinds)
  const rpc = new LocalTransport({ clock })
  const nova = { deaf: false, heard: [] as string[] }
  const neutron = await neutronService({
    db, clock, ids, log, rpc, enforcer: () => asked, options: { ...loadConfig([neutronOptions], { file: 'none', text: '', environment: {} }).neutron, ...given.options },
    compute: {
      async sendEvents(events: readonly ServerEvent[]) {
        if (nova.deaf) throw new Fault('unavailable', 'test.deaf', 'not now')
        nova.heard.push(...events.map(event => `${event.name} ${event.server_uuid} ${event.tag}`))
      },
    },
    authenticate: async token => {
      const [projectId = '', roles = ''] = token.split(':')
      return token.includes(':') ? { userId: `user-of-${projectId}`, userDomainId: 'default', projectId, projectDomainId: 'default', roles: roles.split(',') } : undefined
    },
  })
  const serving = rpc.serve(networkControl, 'neutron', neutron.control)
  const server = await httpServer({ services: neutron.http, log, ids, clock, publicUrl: 'http://cloud' })
  const agents: { stop(): Promise<void>, idle(): Promise<void> }[] = []

  async function ask(method: string, path: string, body?: unknown, opts: { as?: string | undefined, headers?: Record<string, string> } = {}): Promise<Answer> {
    const token = 'as' in opts ? opts.as : 'p:member,reader'
    const response = await server.fetch({
      method, url: `/networking${path}`, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { 'x-auth-token': token }), ...opts.headers },
    })
    return { status: response.status, body: await response.json(), headers: response.headers }
  }

  /** Makes something and gives it; fails when it is refused. */
  async function make(noun: string, body: unknown, as = 'p:member,reader'): Promise<Answer['body']> {
    const answer = await ask('POST', `/v2.0/${noun.replaceAll('_', '-')}s`, { [noun]: body }, { as })
    if (answer.status !== 201) throw new Error(`${noun} was refused: ${JSON.stringify(answer.body)}`)
    return answer.body[noun]
  }

  /** A host with an agent; its machine and a way to wait until it has done all that it was told. */
  async function host(name: string, refuse: (call: keyof NetworkDriver, id: string) => Error | undefined = () => undefined, has: { tunnelAddress?: string, gateway?: boolean } = {}) {
    const machine = fakeNetwork({ ...has, cloud: '0123abcd', hostName: name, refuse })
    const agent = startNetworkAgent({
      ...has, host: name, incarnation: `${name}-${agents.length}`, control: client(networkControl, rpc, 'neutron'), driver: machine, rows: new Rows(), clock, log,
      databaseEpoch: databaseEpochFile(join(directory, name)),
    })
    const answering = rpc.serve(networkAgent, name, agent.agent)
    const one = { idle: () => agent.idle(), async stop() { await answering.close(); await agent.stop() } }
    agents.push(one)
    await agent.idle()
    return { machine, ...one }
  }

  /** Resolves when every agent has looked at all there is, and Nova was told. */
  async function settled(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < 2;) {
      await clock.advance(0)
      for (const agent of agents) await agent.idle()
      await neutron.idle()
      quiet = before === db.statements ? quiet + 1 : 0
      before = db.statements
    }
  }

  return {
    ask, make, host, settled, clock, db, neutron, nova, fetch: server.fetch,
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent.stop()
      await neutron.stop()
      await serving.close()
      await server.close()
      if (!given.db) await db.close()
      await rm(directory, { recursive: true })
    },
  }
}

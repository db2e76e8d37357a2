// A Placement of its own for a test: real store in memory, real policy, callers by the roles in their token.
import { ManualClock } from '@alto/kit/clock'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { httpServer } from '@alto/kit/http'
import { seededIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import { enforcer, policySet } from '@alto/kit/policy'
import { migrations, placementService, policy, type Tables } from '../index.ts'

/** An answer, its body parsed. */
export interface Answer { status: number, body: any, headers: Readonly<Record<string, string | undefined>> } // eslint-disable-line @typescript-eslint/no-explicit-any

/** Placement alone. A token is `PROJECT:ROLE,ROLE`; asked as a service at the newest version unless told otherwise. With a database it is one of several on it, each by a `name` of its own. */
export async function placementAlone(given?: Database<Tables>, name = 'placement') {
  const clock = new ManualClock()
  const ids = seededIds(name)
  const log = memoryLog()
  const db = given ?? openSqlite<Tables>(':memory:')
  if (!given) await migrate(db, migrations, clock)
  const asked = enforcer(policySet(policy))
  const placement = placementService({
    db, clock, ids, enforcer: () => asked, options: { maxAllocationCandidates: 1000 },
    authenticate: async token => {
      const [projectId = '', roles = ''] = token.split(':')
      return token === 'wrong' ? undefined : { userId: 'u1', userDomainId: 'default', projectId, projectDomainId: 'default', roles: roles.split(',') }
    },
  })
  const server = await httpServer({ services: placement.http, log, ids, clock, publicUrl: 'http://cloud' })

  async function ask(method: string, path: string, body?: unknown, opts: { token?: string | undefined, version?: string } = {}): Promise<Answer> {
    const token = 'token' in opts ? opts.token : 'service:service'
    const response = await server.fetch({
      method, url: `/placement${path}`, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(token !== undefined && { 'x-auth-token': token }), 'openstack-api-version': `placement ${opts.version ?? '1.39'}` },
    })
    return { status: response.status, body: await response.json(), headers: response.headers }
  }

  /** A provider with 8 VCPU and 1024 MEMORY_MB; its uuid. */
  async function host(name: string, vcpus = 8): Promise<string> {
    const { body: { uuid } } = await ask('POST', '/resource_providers', { name })
    await ask('PUT', `/resource_providers/${uuid}/inventories`, { resource_provider_generation: 0, inventories: { VCPU: { total: vcpus }, MEMORY_MB: { total: 1024, reserved: 24, max_unit: 1024 } } })
    return uuid as string
  }

  return {
    ask, host, clock, db, placement,
    async [Symbol.asyncDispose]() {
      await server.close()
      if (!given) await db.close()
    },
  }
}

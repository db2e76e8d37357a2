// The derived sweeps over every route of every service of a whole cloud.
import { after } from 'node:test'
import { stayAlive, sweepTests } from '@alto/kit/testing'
import { services } from '@alto/site/sections'
import { wholeCloud, type WholeCloud } from './whole-cloud.ts'

let whole: WholeCloud | undefined
const alive = stayAlive()
after(async () => {
  await whole?.[Symbol.asyncDispose]()
  alive[Symbol.dispose]()
})

sweepTests('sweep', services.map(({ name, prefix, declared, microversions }) => ({ name, prefix, routes: declared.routes, microversions })), async () => {
  whole = await wholeCloud({ bare: true })
  const admin = await whole.login('admin')
  const ask = async (method: string, path: string, body?: unknown) => (await whole!.ask(method, `/identity/v3${path}`, { token: admin, body })).body as Record<string, unknown>
  const { project } = await ask('POST', '/projects', { project: { name: 'swept' } }) as { project: { id: string } }
  const { roles } = await ask('GET', '/roles') as { roles: { id: string, name: string }[] }
  const persona = async (role: string) => {
    const { user } = await ask('POST', '/users', { user: { name: role, password: `${role}-secret` } }) as { user: { id: string } }
    await whole!.ask('PUT', `/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles.find(r => r.name === role)!.id}`, { token: admin })
    const { headers } = await whole!.ask('POST', '/identity/v3/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { id: user.id, password: `${role}-secret` } } }, scope: { project: { id: project.id } } } } })
    return headers['x-subject-token']!
  }
  return { fetch: whole.cloud.fetch, personas: { admin, reader: await persona('reader'), member: await persona('member') } }
})

// The derived sweeps: what must hold for every route there is, worked out from the route tables, so that no new route can forget it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AnyRoute, Fetch, MicroversionPolicy } from '../http/index.ts'
import { formatVersion } from '../http/index.ts'

/** A service to sweep, as it stands in a running cloud. */
export interface Swept {
  name: string
  prefix: string
  routes: readonly AnyRoute[]
  microversions?: MicroversionPolicy | undefined
}

/** Who asks. */
export interface Personas {
  /** A user of some project with the role reader and no other. */
  reader: string
  member: string
  admin: string
}

/** Statuses that refuse: the caller, what it asks for, or how. */
const REFUSED = [400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413, 415, 422]
const UUID = '5f3b4c1e-9a1d-4e0b-8d57-2f1e6c7a9b30'

/**
 * Declares the tests of the sweeps. `open` gives the cloud and its callers; it is called once, before the first test asks.
 * They cost a request a route and persona, in memory.
 */
export function sweepTests(name: string, services: readonly Swept[], open: () => Promise<{ fetch: Fetch, personas: Personas }>): void {
  let opened: ReturnType<typeof open> | undefined
  const cloud = () => opened ??= open()

  for (const service of services) {
    const closed = service.routes.filter(route => !('public' in route.rule))

    test(`${name}: ${service.name} answers nobody and a false token with 401, on each of its routes`, async () => {
      const { fetch } = await cloud()
      for (const route of closed) {
        for (const token of [undefined, 'gAAAAA-no-such-token']) assert.equal((await ask(fetch, service, route, { token })).status, 401, told(route))
      }
    })

    test(`${name}: ${service.name} lets a reader change nothing`, async () => {
      const { fetch, personas } = await cloud()
      for (const route of closed.filter(r => r.method !== 'GET' && r.method !== 'HEAD')) {
        const { status, text } = await ask(fetch, service, route, { token: personas.reader, body: jsonBody(route) ? {} : undefined })
        assert.ok(REFUSED.includes(status), `${told(route)} was answered ${status}: ${text}`)
      }
    })

    test(`${name}: ${service.name} refuses bodies that are no JSON, or not of its shape, with 4xx`, async () => {
      const { fetch, personas } = await cloud()
      for (const route of closed.filter(jsonBody)) {
        for (const raw of ['{', '[]', 'null', '"x"', '7', '{"\u0000": 1}', `${'['.repeat(3000)}`, '{"__proto__": {"a": 1}}']) {
          const { status, text } = await ask(fetch, service, route, { token: personas.admin, raw })
          assert.ok(status >= 400 && status < 500, `${told(route)} with ${raw.slice(0, 20)} was answered ${status}: ${text}`)
        }
        assert.ok([400, 415].includes((await ask(fetch, service, route, { token: personas.admin, raw: '<xml/>', type: 'application/xml' })).status), told(route))
      }
    })

    test(`${name}: ${service.name} never answers a made-up body or id with 5xx`, async () => {
      const { fetch, personas } = await cloud()
      const value = fc.jsonValue({ maxDepth: 3 })
      await fc.assert(fc.asyncProperty(fc.constantFrom(...closed), value, fc.array(value, { maxLength: 6 }), fc.constantFrom(UUID, 'x', '%00', '..', 'a'.repeat(300), '-1', 'é'), async (route, junk, members, id) => {
        const { status, text } = await ask(fetch, service, route, { token: personas.member, id, body: jsonBody(route) ? shaped(route, junk, members) : undefined })
        assert.ok(status < 500 || status === 501, `${told(route)} was answered ${status}: ${text}`)
      }), { numRuns: 20 + 4 * closed.length, seed: 7 })
    })

    if (service.microversions) {
      const { min, max, serviceType } = service.microversions
      test(`${name}: ${service.name} keeps its microversions' edges`, async () => {
        const { fetch, personas } = await cloud()
        const at = async (route: AnyRoute, version: string) => (await ask(fetch, service, route, { token: personas.admin, headers: { 'openstack-api-version': `${serviceType} ${version}` } })).status
        for (const route of closed) {
          assert.equal(await at(route, `${max[0]}.${max[1] + 1}`), 406, told(route))
          assert.equal(await at(route, 'x.y'), 400, told(route))
          const earlier = route.since && (route.since[1] > min[1]) ? formatVersion([route.since[0], route.since[1] - 1]) : undefined
          const alone = service.routes.filter(other => other.path === route.path && other.method === route.method).length === 1
          if (earlier !== undefined && alone) assert.equal(await at(route, earlier), 404, `${told(route)} at ${earlier}`)
        }
      })
    }
  }
}

function jsonBody(route: AnyRoute): boolean {
  return route.body !== undefined && route.body !== 'stream'
}

/** Junk in the places where the route expects something, as far as its schema's outer members tell. */
function shaped(route: AnyRoute, junk: unknown, members: readonly unknown[]): unknown {
  const schema = route.body as { properties?: Record<string, { properties?: Record<string, unknown> }>, versions?: readonly { schema: { properties?: Record<string, { properties?: Record<string, unknown> }> } }[] }
  const properties = schema.properties ?? schema.versions?.at(-1)?.schema.properties
  if (!properties) return junk
  return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, inner.properties
    ? Object.fromEntries(Object.keys(inner.properties).slice(0, members.length).map((key, i) => [key, members[i]]))
    : junk]))
}

interface AskOptions { token?: string | undefined, body?: unknown, raw?: string, type?: string, id?: string, headers?: Record<string, string> }

async function ask(fetch: Fetch, service: Swept, route: AnyRoute, opts: AskOptions): Promise<{ status: number, text: string }> {
  const path = route.path.replaceAll(/\{\w+\}/g, encodeURIComponent(opts.id ?? UUID).replaceAll('%25', '%'))
  const body = opts.raw ?? (opts.body === undefined ? undefined : JSON.stringify(opts.body))
  const version: Record<string, string> = service.microversions ? { 'openstack-api-version': `${service.microversions.serviceType} ${formatVersion(route.until ?? route.since ?? service.microversions.min)}` } : {}
  const response = await fetch({
    method: route.method, url: `${service.prefix}${path}`, body,
    headers: { ...version, ...(body !== undefined && { 'content-type': opts.type ?? firstType(route) }), ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers },
  })
  return { status: response.status, text: (await response.text()).slice(0, 300) }
}

function firstType(route: AnyRoute): string {
  return route.accepts?.[0] ?? 'application/json'
}

function told(route: AnyRoute): string {
  return `${route.method} ${route.path}`
}

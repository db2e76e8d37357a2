// Which requests an access rule lets through.
import { request } from 'node:http'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { systemClock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { systemIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { enforcer, policySet } from '../policy/index.ts'
import { pathMatches, permits } from './access-rules.ts'
import { httpServer, route, type HttpService } from './index.ts'

test('a star or a name is one step of a path, two stars are any', () => {
  for (const [pattern, yes, no] of [
    ['/v2.1/servers', ['/v2.1/servers'], ['/v2.1/servers/', '/v2.1/serversx', '/v2.1', '/v2x1/servers', '/']],
    ['/v2.1/servers/*', ['/v2.1/servers/a'], ['/v2.1/servers/', '/v2.1/servers', '/v2.1/servers/a/ips']],
    ['/v2.1/servers/{server_id}/ips', ['/v2.1/servers/a-b/ips'], ['/v2.1/servers//ips', '/v2.1/servers/a/b/ips']],
    ['/v3/**', ['/v3/', '/v3/a/b/c'], ['/v3', '/v2/a']],
    ['**', ['', '/', '/a/b'], []],
    ['/a/**/z', ['/a/b/z', '/a//z', '/a/b/c/z'], ['/a/z', '/a/b/zz']],
    ['/a*b', ['/axb', '/axxb'], ['/ab', '/a/b']],
    ['/a/***', ['/a/b', '/a/b/c'], ['/a/']],
    ['/a{b', ['/a{b'], ['/ab']],
    ['/a.c', ['/a.c'], ['/abc']],
  ] as const) {
    for (const path of yes) assert.ok(pathMatches(path, pattern), `${pattern} ${path}`)
    for (const path of no) assert.ok(!pathMatches(path, pattern), `${pattern} ${path}`)
  }
})

test('a pattern made to be slow is not', () => {
  const started = process.cpuUsage()
  assert.equal(pathMatches('/'.padEnd(4000, 'a'), `${'**a'.repeat(70)}b`), false)
  const { user } = process.cpuUsage(started)
  assert.ok(user < 2_000_000, `${user} µs`)
})

test('a rule is for its method and its service; what a token is worth may always be asked', () => {
  const rules = [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }]
  assert.ok(permits(rules, ['compute'], 'GET', ['/compute/v2.1/servers', '/v2.1/servers']))
  for (const [types, method, path] of [[['compute'], 'POST', '/v2.1/servers'], [['compute'], 'HEAD', '/v2.1/servers'], [['image'], 'GET', '/v2.1/servers'], [[], 'GET', '/v2.1/servers']] as const) {
    assert.ok(!permits(rules, types, method, [path]), `${types} ${method}`)
  }
  assert.deepEqual([['identity', 'GET'], ['identity', 'DELETE'], ['compute', 'GET']].map(([type, method]) => permits(rules, [type!], method!, ['/v3/auth/tokens'])), [true, false, false])
})

test('what a client writes behind its path does not make it another path to the rules than to the router', async () => {
  const images: HttpService = {
    name: 'images', prefix: '/image', catalogTypes: ['image'], enforcer: () => enforcer(policySet([])), dialect: { forbidden: rule => new Fault('forbidden', 'images.forbidden', rule), invalid: () => new Fault('badRequest', 'images.invalid', 'it is not valid'), render: fault => ({ status: fault.kind === 'unauthenticated' ? 401 : 500, body: {} }) },
    authenticate: async () => ({ userId: 'u', userDomainId: 'd', roles: ['member'], accessRules: [{ service: 'image', method: 'DELETE', path: '/v2/images/{id}/tags/{tag}' }] }),
    routes: ['/v2/images/{id}', '/v2/images/{id}/tags/{tag}'].map(path => route({ method: 'DELETE', path, rule: { anybody: 'a test' }, status: 204, summary: 'Remove', handle: async () => undefined })),
  }
  const server = await httpServer({ services: [images], log: memoryLog(), ids: systemIds, clock: systemClock })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  try {
    const remove = (path: string) => new Promise<number>((resolve, reject) => {
      request({ port, host: '127.0.0.1', method: 'DELETE', path: `/image${path}`, headers: { 'x-auth-token': 'x' }, agent: false }, response => { response.resume(); resolve(response.statusCode!) }).on('error', reject).end()
    })
    assert.equal(await remove('/v2/images/a/tags/b'), 204)
    for (const path of ['/v2/images/a', '/v2/images/a#/tags/b', '/v2/images/a?/tags/b', '/v2/images/a?#/tags/b']) assert.equal(await remove(path), 401, path)
  } finally {
    await server.close()
  }
})

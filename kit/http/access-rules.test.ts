// Which requests an access rule lets through.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { pathMatches, permits } from './access-rules.ts'

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

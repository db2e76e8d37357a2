// Coverage is counted from tables: method, path, action and microversion range must meet.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyRoute } from '@alto/kit/http'
import { coverageOf, coveragePage } from './coverage.ts'
import { operationsOf, type Operation } from './inventory.ts'

function route(spec: { method: AnyRoute['method'], path: string, status: number, since?: [number, number], until?: [number, number], actions?: string[] }): AnyRoute {
  return { rule: { public: 'a table without handlers' }, summary: '', handle: () => Promise.resolve(), ...spec }
}

function operation(line: string, more: Partial<Operation> = {}): Operation {
  const [method = '', path = '', code] = line.split(' ')
  return { operation: line, method, path, codes: [Number(code)], group: 'servers', ...more }
}

test('an operation is declared by a route of its method and path, whatever its parameters are called and wherever it is mounted', () => {
  const { declared, missing, own, differing } = coverageOf('nova', [
    operation('GET /servers/{server_id} 200'), operation('DELETE /servers/{server_id} 204'), operation('GET /v3/{project_id}/volumes 200'), operation('GET /v2.0/ 200'),
  ], [
    route({ method: 'GET', path: '/v2.1/servers/{id}', status: 200 }), route({ method: 'GET', path: '/v3/volumes', status: 202 }),
    route({ method: 'GET', path: '/v2.0', status: 200 }), route({ method: 'GET', path: '/alto/v1/audit', status: 200 }),
  ])
  assert.deepEqual(declared.map(one => one.path), ['/servers/{server_id}', '/v3/{project_id}/volumes', '/v2.0/'])
  assert.deepEqual(missing.map(one => one.method), ['DELETE'])
  assert.deepEqual([own, differing], [['GET /alto/v1/audit'], ['GET /v3/{project_id}/volumes: 202, documented 200']])
})

test('an action counts only when its route names it, and a route counts only for microversions that it serves', () => {
  const { declared, missing } = coverageOf('nova', [
    operation('POST /servers/{id}/action 202', { action: 'os-start' }), operation('POST /servers/{id}/action 202', { action: 'os-stop' }),
    operation('GET /a 200', { min: '2.50' }), operation('GET /b 200', { max: '2.10' }), operation('GET /c 200', { min: '2.6' }),
  ], [
    route({ method: 'POST', path: '/v2.1/servers/{id}/action', status: 202, actions: ['os-start'] }),
    route({ method: 'GET', path: '/v2.1/a', status: 200, until: [2, 49] }), route({ method: 'GET', path: '/v2.1/b', status: 200, since: [2, 11] }), route({ method: 'GET', path: '/v2.1/c', status: 200, since: [2, 1] }),
  ])
  assert.deepEqual([declared.map(one => one.action ?? one.path), missing.map(one => one.action ?? one.path)], [['os-start', '/c'], ['os-stop', '/a', '/b']])
})

test('the inventory has every service\'s current operations, without the obsolete ones and other projects\' plugins', () => {
  for (const service of ['keystone', 'nova', 'placement', 'glance', 'neutron', 'cinder']) {
    const operations = operationsOf(service)!
    assert.ok(operations.length > 30, service)
    assert.deepEqual(operations.filter(one => one.status === 'obsolete' || one.project !== undefined), [])
  }
  assert.equal(operationsOf('swift'), undefined)
})

test('the page names what is declared, what differs and what is missing', () => {
  const page = coveragePage([coverageOf('nova', [operation('GET /servers 200'), operation('GET /flavors 200', { group: 'flavors' })], [route({ method: 'GET', path: '/servers', status: 200 })])])
  assert.match(page, /\| nova \| 2 \| 1 \| 50 % \|/)
  assert.match(page, /\| flavors \| 1 \| 0 \|/)
  assert.match(page, /### Not declared\n\n- `GET \/flavors`: GET \/flavors 200\n/)
})

test('a HEAD that nobody declares is its GET\'s, and one that is declared its own', () => {
  const head = operation('HEAD /servers 200')
  const get = route({ method: 'GET', path: '/servers', status: 200 })
  const own = route({ method: 'HEAD', path: '/servers', status: 204 })
  assert.deepEqual([coverageOf('nova', [head], [get]).declared, coverageOf('nova', [head], [get]).own, coverageOf('nova', [head], [get, own]).differing], [[head], [], ['HEAD /servers: 204, documented 200']])
})

test('what is left out on purpose stands on the page with its reason, and not among what is not declared', () => {
  const page = coveragePage([coverageOf('keystone', [operation('GET /v3/OS-FEDERATION/mappings 200'), operation('GET /v3/users 200')], [])])
  assert.match(page, /### Left out on purpose\n\n- `GET \/v3\/OS-FEDERATION\/mappings`: .* \(federation comes later\)\n/)
  assert.match(page, /### Not declared\n\n- `GET \/v3\/users`: [^\n]*\n$/)
})

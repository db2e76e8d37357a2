// A planted violation of every rule of the layer check, and beside it what is allowed.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkLayers, faultOf, importsOf } from './check-layers.ts'

const DECLARED = new Set(['@alto/kit', '@alto/contracts', '@alto/keystone', '@alto/nova', 'yaml'])

function fault(file: string, source: string): string | undefined {
  const [specifier] = importsOf(source)
  assert.ok(specifier, source)
  return faultOf(file, specifier, DECLARED)
}

test('every form of import is seen, comments are not', () => {
  const text = [
    'import a from \'./a.ts\'', 'import type { B } from \'./b.ts\'', 'export * from \'./c.ts\'', 'export type { D } from "./d.ts"',
    'import {', '  e,', '  f,', '} from \'./e.ts\'', 'import \'./g.ts\'', 'const h = await import(\'./h.ts\')', '// import i from \'./i.ts\'', ' * import j from \'./j.ts\'',
  ].join('\n')
  assert.deepEqual(importsOf(text),
    ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './g.ts', './h.ts'])
})

const VIOLATIONS: readonly [file: string, source: string, said: string][] = [
  ['kit/db/index.ts', 'import { a } from \'./a\'', 'write the extension'],
  ['services/nova/api/servers.ts', 'import { a } from \'../../glance/model/images.ts\'', 'a relative import leaves its package'],
  ['contracts/a.ts', 'import { a } from \'../kit/rpc/index.ts\'', 'a relative import leaves its package'],
  ['kit/db/index.ts', 'import { a } from \'@alto/kit/errors\'', 'kit knows nobody, and its own parts by relative paths'],
  ['kit/db/index.ts', 'import { a } from \'@alto/nova\'', 'kit knows nobody, and its own parts by relative paths'],
  ['services/nova/model/a.ts', 'import { a } from \'ipaddr.js\'', 'ipaddr.js is not in the package.json of services/nova/'],
  ['contracts/a.ts', 'import { a } from \'@alto/nova\'', 'contracts know only the kit'],
  ['contracts/a.ts', 'import { a } from \'@alto/kit/db\'', 'contracts may use of kit only: rpc, errors'],
  ['services/nova/index.ts', 'import { a } from \'@alto/keystone\'', 'services meet in @alto/contracts and over their APIs'],
  ['services/nova/index.ts', 'import { a } from \'@alto/nova\'', 'a package imports itself by relative paths'],
  ['services/nova/test/a.test.ts', 'import { a } from \'@alto/keystone\'', 'services meet in @alto/contracts and over their APIs'],
  ['services/nova/index.ts', 'import { a } from \'@alto/kit/testing\'', 'kit/testing is for tests'],
  ['services/nova/api/a.ts', 'import { a } from \'@alto/contracts/compute-agent\'', 'contracts are for manager, task, agent and index'],
  ['services/nova/model/a.ts', 'import { readFile } from \'node:fs/promises\'', 'a model reaches nothing outside the process'],
  ['services/nova/model/a.ts', 'import { a } from \'../store/servers.ts\'', 'model may import only: nothing'],
  ['services/nova/policy/a.ts', 'import { a } from \'../manager/servers.ts\'', 'policy may import only: model'],
  ['services/nova/store/a.ts', 'import { a } from \'../policy/servers.ts\'', 'store may import only: model'],
  ['services/nova/driver/a.ts', 'import { a } from \'../store/servers.ts\'', 'driver may import only: model'],
  ['services/nova/agent/a.ts', 'import { a } from \'../store/servers.ts\'', 'agent may import only: model, driver'],
  ['services/nova/manager/a.ts', 'import { a } from \'../api/servers.ts\'', 'manager may import only: model, policy, store, driver'],
  ['services/nova/task/a.ts', 'import { a } from \'../api/servers.ts\'', 'task may import only: model, store, manager, driver'],
  ['services/nova/api/a.ts', 'import { a } from \'../store/servers.ts\'', 'api may import only: model, policy, manager'],
  ['services/nova/api/a.ts', 'import { a } from \'../index.ts\'', 'api may not import index.ts'],
  ['services/nova/model/a.ts', 'import { a } from \'@alto/kit/clock\'', 'model may use of kit only: errors, ids'],
  ['services/nova/policy/a.ts', 'import { a } from \'@alto/kit/errors\'', 'policy may use of kit only: policy'],
  ['services/nova/store/a.ts', 'import { a } from \'@alto/kit/clock\'', 'store may use of kit only: errors, db, ids, task'],
  ['services/nova/driver/a.ts', 'import { a } from \'@alto/kit/db\'', 'driver may use of kit only: errors, log, clock, host, disk, ids'],
  ['services/nova/agent/a.ts', 'import { a } from \'@alto/kit/db\'', 'agent may use of kit only: agent, errors, rpc, log, clock, host, disk, ids, data-link'],
  ['services/nova/api/a.ts', 'import { a } from \'@alto/kit/db\'', 'api may use of kit only: http, context, openstack, policy, errors'],
  ['services/nova/manager/a.ts', 'import type { Call } from \'@alto/kit/http\'', 'manager may use all of kit but http'],
  ['services/nova/task/a.ts', 'import type { Context } from \'@alto/kit/http\'', 'task may use all of kit but http'],
]

for (const [file, source, said] of VIOLATIONS) {
  test(`${file} is refused: ${source.replace(/^.*'(.*)'$/, '$1')}`, () => assert.equal(fault(file, source), said))
}

test('what the house rules allow is allowed', () => {
  const allowed: readonly [string, string][] = [
    ['kit/db/index.ts', 'import { a } from \'../errors/index.ts\''],
    ['services/nova/manager/servers.ts', 'import type { Context } from \'@alto/kit/context\''],
    ['services/nova/manager/servers.ts', 'import { a } from \'../store/servers.ts\''],
    ['services/nova/store/servers.ts', 'import { a } from \'../faults.ts\''],
    ['services/nova/manager/servers/create.ts', 'import { a } from \'../../store/servers.ts\''],
    ['services/nova/manager/servers.test.ts', 'import { a } from \'../index.ts\''],
    ['services/nova/agent/guests.ts', 'import { a } from \'@alto/contracts/compute-agent\''],
    ['services/nova/index.ts', 'import { a } from \'./api/servers.ts\''],
    ['services/nova/test/servers.test.ts', 'import { a } from \'@alto/kit/testing\''],
    ['services/nova/model/a.ts', 'import { createHash } from \'node:crypto\''],
    ['apps/allinone/main.ts', 'import { a } from \'@alto/nova\''],
  ]
  assert.deepEqual(allowed.map(([file, source]) => [file, source, fault(file, source)]).filter(([, , said]) => said !== undefined), [])
})

test('a tree is read file by file; a package must be declared where it is used, a development package only for tests', t => {
  const root = mkdtempSync(join(tmpdir(), 'alto-layers-'))
  t.after(() => rmSync(root, { recursive: true }))
  const files = {
    'package.json': '{"devDependencies": {"fast-check": "1"}}', 'services/nova/package.json': '{"dependencies": {"@alto/kit": "*"}}',
    'services/nova/model/a.ts': 'import fc from \'fast-check\'\n', 'services/nova/model/a.test.ts': 'import fc from \'fast-check\'\n',
    'services/nova/store/a.ts': 'import { a } from \'@alto/kit/db\'\nimport { b } from \'../api/b.ts\'\n', 'tools/fixtures/bad.ts': 'import \'./x\'',
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  assert.deepEqual(checkLayers(root), { files: 3, faults: [
    'services/nova/model/a.ts: fast-check: fast-check is not in the package.json of services/nova/',
    'services/nova/store/a.ts: ../api/b.ts: store may import only: model',
  ] })
})

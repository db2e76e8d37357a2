// The test runner, run on small trees of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

const TEST = 'import { test } from \'node:test\'\n'

function run(t: TestContext, files: Record<string, string>, ...args: string[]) {
  const root = mkdtempSync(join(tmpdir(), 'alto-runner-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries({ 'package.json': '{"type": "module"}', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'test.ts'), ...args], { encoding: 'utf8', env: { ...process.env, ALTO_TEST_ROOT: root } })
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), said: lines.filter(line => /^(failed|skipped): /.test(line)), stderr, root }
}

test('the last line is the totals over all packages, and all well is exit code 0', t => {
  const { status, last, said } = run(t, {
    'kit/a.test.ts': `${TEST}test('one', () => {})`, 'kit/b.test.ts': 'import { suite } from \'./suite.ts\'\nsuite()', 'kit/suite.ts': `${TEST}export function suite() { test('two', () => {}) }`,
    'services/nova/model/b.test.ts': `${TEST}test('three', () => {})\ntest('later', { skip: 'no such part' }, () => {})`,
    'tests/expected-tests.txt': 'kit/a.test.ts\nkit/b.test.ts\nservices/nova/model/b.test.ts\n',
  })
  assert.deepEqual([status, last, said], [0, '3 passed, 0 failed, 1 skipped', ['skipped: services/nova/model/b.test.ts: later: no such part']])
})

test('a failing test, a file that cannot be loaded and a process that ends early each fail the run', t => {
  const listed = { 'tests/expected-tests.txt': 'kit/a.test.ts\n' }
  const failing = run(t, { ...listed, 'kit/a.test.ts': `${TEST}test('no', () => { throw new Error('no') })\ntest('yes', () => {})` })
  assert.deepEqual([failing.status, failing.last], [1, '1 passed, 1 failed, 0 skipped'])
  const broken = run(t, { ...listed, 'kit/a.test.ts': 'import \'./missing.ts\'' })
  assert.equal(broken.status, 1)
  assert.match(broken.last!, /^0 passed, [1-9] failed, 0 skipped$/)
  const early = run(t, { ...listed, 'kit/a.test.ts': `${TEST}test('yes', () => {})\ntest('exits', () => { process.exit(0) })` })
  assert.equal(early.status, 1)
  assert.match(early.last!, /^[01] passed, [1-9] failed, 0 skipped$/)
})

test('a file that is expected and did not run fails the run, and so does one that nobody expects or that holds no test', t => {
  const { status, last, said } = run(t, {
    'kit/new.test.ts': `${TEST}test('one', () => {})`, 'kit/empty.test.ts': 'export {}',
    'tests/expected-tests.txt': 'kit/empty.test.ts\nkit/gone.test.ts\n',
  })
  assert.deepEqual([status, last, said], [1, '1 passed, 3 failed, 0 skipped', [
    'failed: kit/empty.test.ts is in tests/expected-tests.txt and had no test that ran',
    'failed: kit/gone.test.ts is in tests/expected-tests.txt and had no test that ran',
    'failed: kit/new.test.ts ran and is not in tests/expected-tests.txt: node tools/test.ts --bless',
  ]])
})

test('words choose files by their paths, and a word that chooses none fails the run', t => {
  const files = { 'kit/a.test.ts': `${TEST}test('one', () => {})`, 'kit/b.test.ts': `${TEST}test('two', () => { throw new Error('no') })` }
  assert.deepEqual((({ status, last }) => [status, last])(run(t, files, './kit/a')), [0, '1 passed, 0 failed, 0 skipped'])
  assert.deepEqual((({ status, last }) => [status, last])(run(t, files, 'nothing')), [1, '0 passed, 1 failed, 0 skipped'])
  assert.equal(run(t, files, '--wrong').status, 2)
})

test('the list of expected files is written by --bless, without fixtures and installed packages', t => {
  const { status, root } = run(t, { 'kit/a.test.ts': '', 'tests/e2e/b.test.ts': '', 'tools/fixtures/c.test.ts': '', 'kit/node_modules/d.test.ts': '' }, '--bless')
  assert.equal(status, 0)
  assert.equal(readFileSync(join(root, 'tests/expected-tests.txt'), 'utf8'), 'kit/a.test.ts\ntests/e2e/b.test.ts\n')
})

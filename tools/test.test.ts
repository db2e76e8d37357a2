// The test runner, run on small trees of its own.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { until } from '@alto/kit/testing'
import { groupsOf } from './test.ts'

const RUNNER = join(import.meta.dirname, 'test.ts')
const TEST = 'import { test } from \'node:test\'\n'
/** For tests that meet others of the same tree: `here` leaves a name where `there` waits for it. */
const MEET = `${TEST}import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
const here = name => writeFileSync(name, '')
const there = async name => { while (!existsSync(name)) await setTimeout(5) }
`

function tree(t: TestContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'alto-runner-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries({ 'package.json': '{"type": "module"}', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

function run(t: TestContext, files: Record<string, string>, ...args: string[]) {
  const root = tree(t, files)
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, ...args], { encoding: 'utf8', env: { ...process.env, ALTO_TEST_ROOT: root } })
  const lines = stdout.trimEnd().split('\n')
  return { status, last: lines.at(-1), said: lines.filter(line => /^(failed|skipped): /.test(line)), lines, stderr, root }
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

test('packages that take long begin first, and whole clouds come last', () => {
  const files = ['apps/serve/a.test.ts', 'kit/a.test.ts', 'services/glance/a.test.ts', 'services/nova/a.test.ts', 'tests/bus/a.test.ts', 'tests/e2e/a.test.ts', 'tests/tempest/a.test.ts', 'tools/a.test.ts']
  assert.deepEqual(groupsOf(files).map(group => group.name), ['services/nova', 'services/glance', 'tests/bus', 'kit', 'apps/serve', 'tools', 'tests/tempest', 'tests/e2e'])
})

test('two packages run at once, what each says is kept together, and their totals are one', t => {
  const { status, last, lines } = run(t, {
    'kit/a.test.ts': `${MEET}test('one', async () => { console.log('kit begins'); here('kit.runs'); await there('nova.runs'); console.log('kit ends'); here('done') })`,
    'services/nova/a.test.ts': `${MEET}test('two', async () => { console.log('nova begins'); here('nova.runs'); await there('done'); console.error('nova fails'); throw new Error('no') })`,
    'tests/expected-tests.txt': 'kit/a.test.ts\nservices/nova/a.test.ts\n',
  }, '--lanes=2')
  assert.deepEqual([status, last], [1, '1 passed, 1 failed, 0 skipped'])
  const said = lines.filter(line => /^(kit|nova) |^(kit|services\/nova): /.test(line)).map(line => line.replace(/ in \d+\.\d s$/, ''))
  const [kit, nova] = [['kit begins', 'kit ends', 'kit: 1 passed, 0 failed, 0 skipped'], ['nova begins', 'nova fails', 'services/nova: 0 passed, 1 failed, 0 skipped']] as const
  assert.deepEqual(said, said[0] === kit[0] ? [...kit, ...nova] : [...nova, ...kit])
})

test('a process that ends early beside another fails the run, and what it said is printed', t => {
  const { status, last, lines } = run(t, {
    'kit/a.test.ts': `${MEET}test('one', async () => { here('kit.runs'); await there('done') })`,
    'services/nova/a.test.ts': `${MEET}test('two', async () => { await there('kit.runs'); console.log('nova gives up'); here('done'); process.exit(3) })`,
    'tests/expected-tests.txt': 'kit/a.test.ts\n',
  }, '--lanes=2', 'a.test')
  assert.deepEqual([status, last, lines.includes('nova gives up')], [1, '1 passed, 1 failed, 0 skipped', true])
})

test('a whole cloud begins when all packages and the whole cloud before it have ended, and with one lane so does a package', t => {
  const after = (name: string, ...before: string[]) => `${TEST}import { readFileSync, writeFileSync } from 'node:fs'
    test('what came before has ended', () => {
      writeFileSync('${name}.pid', String(process.pid))
      for (const name of ${JSON.stringify(before)}) {
        try { process.kill(Number(readFileSync(name + '.pid', 'utf8')), 0) } catch (error) { if (error.code === 'ESRCH') continue; throw error }
        throw new Error(name + ' still runs')
      }
    })`
  const clouds = { 'tests/e2e/a.test.ts': after('e2e', 'kit', 'nova'), 'tests/site/a.test.ts': after('site', 'e2e') }
  const two = run(t, { ...clouds, 'kit/a.test.ts': after('kit'), 'services/nova/a.test.ts': after('nova') }, '--lanes=2', 'a.test')
  assert.deepEqual([two.status, two.last], [0, '4 passed, 0 failed, 0 skipped'])
  const one = run(t, { 'kit/a.test.ts': after('kit', 'nova'), 'services/nova/a.test.ts': after('nova') }, '--lanes=1', 'a.test')
  assert.deepEqual([one.status, one.last], [0, '2 passed, 0 failed, 0 skipped'])
})

test('a signal ends every test process, and no further one begins', async t => {
  const hangs = (name: string) => `${MEET}test('hangs', async () => { writeFileSync('${name}.pid', String(process.pid)); here('${name}.runs'); await there('never') })`
  const root = tree(t, { 'kit/a.test.ts': hangs('kit'), 'services/nova/a.test.ts': hangs('nova'), 'tests/site/a.test.ts': hangs('site') })
  const runner = spawn(process.execPath, [RUNNER, '--lanes=2'], { env: { ...process.env, ALTO_TEST_ROOT: root }, stdio: 'ignore' })
  const exit = once(runner, 'exit')
  await until('both run', () => ['kit', 'nova'].every(name => existsSync(join(root, `${name}.runs`))))
  runner.kill('SIGTERM')
  assert.deepEqual(await exit, [130, null])
  for (const name of ['kit', 'nova']) assert.throws(() => process.kill(Number(readFileSync(join(root, `${name}.pid`), 'utf8')), 0), { code: 'ESRCH' })
  assert.equal(existsSync(join(root, 'site.runs')), false)
})

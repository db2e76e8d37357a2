// Runs every *.test.ts: one process per package (node --test --test-isolation=none), two packages at a time where there are two processors, then whole clouds one
// after the other. What runs beside another is printed when it has ended, so that nothing is mixed; what runs alone is printed as it comes.
// The last line is exactly `N passed, N failed, N skipped`. A file that drops out of tests/expected-tests.txt unseen fails the run.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, globSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { apart } from './apart.ts'
import { privatePostgres } from './private-postgres.ts'
import { privateRabbitmq } from './private-rabbitmq.ts'
import { privateSwift } from './private-swift.ts'
import type { TestReport } from './test-reporter.ts'

const ROOT = resolve(import.meta.dirname, '..')
const EXPECTED = 'tests/expected-tests.txt'
const REPORTER = join(import.meta.dirname, 'test-reporter.ts')
/** They run alone: they can use the whole machine, and some of what they wait for is in real time. */
const WHOLE_CLOUD = ['tests/tempest', 'tests/e2e', 'tests/site', 'tests/failure', 'tests/perf']
/** Of the others those that take more than twenty seconds, the longest first: they begin first, so that no long one is left over. Out of date it costs seconds, no more. */
const LONG = ['services/nova', 'services/neutron', 'services/glance', 'services/keystone', 'tests/bus', 'apps/ctl', 'tests/simulation', 'services/cinder', 'kit', 'apps/allinone']
/** What each package that runs has of PostgreSQL's connections: as many as a server takes that nobody has configured. */
const CONNECTIONS = 100

/** One process's share: a package, or a folder of tests/. Times in milliseconds. */
export interface TestGroup {
  readonly name: string
  readonly files: readonly string[]
  readonly testDeadline: number
  readonly groupDeadline: number
}

/** All test files below `root`, as sorted paths from there. Fixtures and installed packages are not ours to run. */
export function findTests(root: string): string[] {
  return globSync('{kit,contracts,services,apps,tools,tests,guest,dashboard}/**/*.test.ts', { cwd: root, exclude: path => /(^|\/)(node_modules|fixtures)(\/|$)/.test(path) }).toSorted()
}

/** The groups in which files run, in the order in which they begin: packages, those that take long first, and whole clouds last. */
export function groupsOf(files: readonly string[]): TestGroup[] {
  const names = Map.groupBy(files, file => {
    const [area, name] = file.split('/') as [string, string]
    return ['services', 'apps', 'tests'].includes(area) && !name.endsWith('.test.ts') ? `${area}/${name}` : area
  })
  return [...names].map(([name, members]) => {
    const wholeCloud = WHOLE_CLOUD.includes(name)
    return { name, files: members, testDeadline: wholeCloud ? 900_000 : 120_000, groupDeadline: wholeCloud ? 1_200_000 : 600_000 }
  }).toSorted((a, b) => WHOLE_CLOUD.indexOf(a.name) - WHOLE_CLOUD.indexOf(b.name) || longFirst(a.name) - longFirst(b.name) || a.name.localeCompare(b.name))
}

function longFirst(name: string): number {
  return LONG.includes(name) ? LONG.indexOf(name) : LONG.length
}

/** What differs between the files that ran and the checked-in list, a sentence for each. */
export function compareWithExpected(ran: readonly string[], expected: readonly string[]): string[] {
  return [
    ...expected.filter(file => !ran.includes(file)).map(file => `${file} is in ${EXPECTED} and had no test that ran`),
    ...ran.filter(file => !expected.includes(file)).map(file => `${file} ran and is not in ${EXPECTED}: node tools/test.ts --bless`),
  ]
}

/**
 * Runs the tests below `root` (this repository) and prints the totals last; gives the exit code, 130 when a SIGINT or SIGTERM ended it.
 * `args`: words that a file's path must hold one of (none: all files), `--lanes=N` to run N packages at a time, `--bless` to rewrite the list of expected
 * files without running any.
 */
export async function runTests(args: readonly string[], root: string = ROOT): Promise<number> {
  const words = args.filter(arg => !arg.startsWith('-')).map(word => word.replace(/^\.\//, ''))
  const unknown = args.find(arg => arg.startsWith('-') && !/^--(bless|lanes=[1-9]\d?)$/.test(arg))
  if (unknown !== undefined) {
    console.error(`there is no option ${unknown}; write parts of paths to run some tests only, --lanes=1 to run one package after the other, or --bless`)
    return 2
  }
  const lanes = Number(args.findLast(arg => arg.startsWith('--lanes='))?.split('=')[1] ?? Math.min(availableParallelism(), 2))
  const all = findTests(root)
  if (args.includes('--bless')) {
    writeFileSync(join(root, EXPECTED), all.map(file => `${file}\n`).join(''))
    console.log(`${EXPECTED}: ${all.length} files`)
    return 0
  }
  const files = all.filter(file => words.length === 0 || words.some(word => file.includes(word)))
  const problems = files.length === 0 ? [`no test file's path holds ${words.join(' or ') || 'anything'}`] : []
  const packaged = files.filter(file => !WHOLE_CLOUD.some(place => file.startsWith(place)))      // the others start what they need, where they are
  const needed = (name: string, byWhom: boolean) => root === ROOT && byWhom && process.env[name] === undefined
  const read = (name: string) => packaged.some(file => readFileSync(join(root, file), 'utf8').includes(name))
  const [wantPostgres, wantBroker, wantSwift] = [needed('ALTO_TEST_POSTGRES', packaged.length > 0), needed('ALTO_TEST_AMQP', read('ALTO_TEST_AMQP')), needed('ALTO_TEST_SWIFT', read('ALTO_TEST_SWIFT'))]
  const [starting, startingBroker, startingSwift] = [wantPostgres ? privatePostgres({ connections: lanes * CONNECTIONS }) : undefined, wantBroker ? privateRabbitmq() : undefined, wantSwift ? privateSwift() : undefined]
  await using postgres = await starting
  await using broker = await startingBroker
  await using swift = await startingSwift
  if (wantPostgres && words.length === 0 && !postgres) problems.push('this machine has no PostgreSQL (package postgresql), on which every store test must run too')
  if (wantBroker && !broker) problems.push('this machine has no RabbitMQ (package rabbitmq-server), which tests of the bus need')
  if (wantSwift && !swift) problems.push('this machine has no Swift (packages swift-proxy, swift-account, swift-container, swift-object, memcached), which tests of image stores need')
  const parts = { ...(swift && { ALTO_TEST_SWIFT: swift.url }), ...(postgres && { ALTO_TEST_POSTGRES: postgres.url }), ...(broker && { ALTO_TEST_AMQP: broker.url }) }
  const reports: TestReport[] = []
  const ran: string[] = []
  const { interrupted } = await inLanes(groupsOf(files), lanes, async (group, beside, ending) => {
    const { report, problem, said, seconds } = await runGroup(group, { root, parts, beside, ending })
    if (report) {
      reports.push(report)
      ran.push(...group.files.filter(file => !report.empty.includes(file)))
    }
    if (problem !== undefined) problems.push(problem)
    process.stdout.write(said)
    console.log(`${group.name}: ${report?.passed ?? 0} passed, ${report?.failed ?? 0} failed, ${report?.skipped ?? 0} skipped in ${seconds.toFixed(1)} s\n`)
  })
  if (interrupted) return 130
  if (words.length === 0) problems.push(...compareWithExpected(ran.toSorted(), expectedFiles(root)))
  return summary(reports, problems)
}

function expectedFiles(root: string): string[] {
  const path = join(root, EXPECTED)
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []
}

/** Runs packages, `lanes` at a time, then whole clouds, in their order. `ending` aborts at a SIGINT or SIGTERM, after which none begins, and when another one threw. */
async function inLanes(groups: readonly TestGroup[], lanes: number, run: (group: TestGroup, beside: boolean, ending: AbortSignal) => Promise<void>): Promise<{ interrupted: boolean }> {
  const ending = new AbortController()
  const interrupt = () => { ending.abort() }
  const lane = async (queue: Iterable<TestGroup>, beside: boolean) => {
    for (const group of queue) if (!ending.signal.aborted) await run(group, beside, ending.signal)
  }
  const [packages, wholeClouds] = [groups.filter(group => !WHOLE_CLOUD.includes(group.name)), groups.filter(group => WHOLE_CLOUD.includes(group.name))]
  const queue = packages.values()                       // of which each lane takes the next
  const wide = Math.min(lanes, packages.length)
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    await Promise.all(Array.from({ length: wide }, () => lane(queue, wide > 1)))
    await lane(wholeClouds, false)
    return { interrupted: ending.signal.aborted }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    ending.abort()
  }
}

/** Where and how a group runs: `beside` another one, so that its output is kept until it has ended; until `ending` aborts. */
interface GroupRun {
  readonly root: string
  readonly parts: NodeJS.ProcessEnv
  readonly beside: boolean
  readonly ending: AbortSignal
}

/** Runs one; `said` is its output as far as it was not printed as it came. */
async function runGroup(group: TestGroup, how: GroupRun): Promise<{ report?: TestReport, problem?: string, said: string, seconds: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'alto-tests-'))
  const started = performance.now()
  const [result, output] = [join(directory, 'report.json'), join(directory, 'output')]
  const file = how.beside ? openSync(output, 'a') : undefined
  try {
    const problem = await runNode([
      '--test', '--test-isolation=none', `--test-timeout=${group.testDeadline}`,
      '--test-reporter=spec', '--test-reporter-destination=stdout', `--test-reporter=${REPORTER}`, `--test-reporter-destination=${result}`,
      ...group.files,
    ], group, how, file ?? 'inherit')
    const seconds = (performance.now() - started) / 1000
    const said = file === undefined ? '' : readFileSync(output, 'utf8')
    const text = existsSync(result) ? readFileSync(result, 'utf8') : ''
    if (text === '') return { said, seconds, problem: problem ?? `${group.name}: the test process left no report` }
    const report = JSON.parse(text) as TestReport       // written by our own reporter in the process just ended
    return { report, said, seconds, ...(problem !== undefined && report.failed === 0 && { problem }) }
  } finally {
    if (file !== undefined) closeSync(file)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs node to its end; gives a sentence when it did not end well. The process gets a group of its own, so that a deadline ends its children too. */
function runNode(args: readonly string[], group: TestGroup, { root, parts, ending }: GroupRun, output: number | 'inherit'): Promise<string | undefined> {
  const env: NodeJS.ProcessEnv = { ...process.env, NODE_COMPILE_CACHE: join(ROOT, '.cache/compile'), ...parts }
  delete env['NODE_TEST_CONTEXT']                       // or a node --test inside a test reports to the outer one
  return new Promise(done => {
    const [program, ...all] = WHOLE_CLOUD.includes(group.name) ? apart([process.execPath, ...args]) : [process.execPath, ...args]
    const child = spawn(program!, all, { cwd: root, env, stdio: ['ignore', output, output], detached: true })
    const stop = () => { if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL') }
    let late = false
    const timer = setTimeout(() => { late = true; stop() }, group.groupDeadline)
    ending.addEventListener('abort', stop, { once: true })
    const end = (problem: string | undefined) => {
      clearTimeout(timer)
      ending.removeEventListener('abort', stop)
      done(problem)
    }
    child.on('error', error => end(`${group.name}: the test process did not start: ${error.message}`))
    child.on('close', (code, signal) => end(
      late ? `${group.name}: not done after ${group.groupDeadline / 1000} s (a test or something it left open hangs)`
        : code === 0 ? undefined : `${group.name}: the test process ended with ${signal ?? code}`))
  })
}

function summary(reports: readonly TestReport[], problems: readonly string[]): number {
  const total = (count: (report: TestReport) => number) => reports.reduce((sum, report) => sum + count(report), 0)
  for (const skip of reports.flatMap(report => report.skips)) console.log(`skipped: ${skip}`)
  for (const problem of problems) console.log(`failed: ${problem}`)
  const failed = total(report => report.failed) + problems.length
  console.log(`${total(report => report.passed)} passed, ${failed} failed, ${total(report => report.skipped)} skipped`)
  return failed === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await runTests(process.argv.slice(2), process.env['ALTO_TEST_ROOT'])

// Kills parts of a site with SIGKILL while a user works, and looks at what is left:
//
//   node tests/failure/crash.ts [--seed SEED] [--pass controller|others|random]… [--stage STAGE]… [--moments N]
//
// Pass `controller`: at every recorded point of every task that the work reaches, the controller that runs it dies there, once. Pass `others`: at every
// such point one of the others dies, chosen from the seed; uploads, stagings and downloads have such points half-way. Pass `random`: N moments of the work, chosen from the seed, any part. Everything that dies is
// started again at once, as a supervisor would. Afterwards everything must be in its end state or in ERROR with a reason, the audit clean, and nothing left.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '@alto/kit/clock'
import { seededIds, systemIds, type Ids } from '@alto/kit/ids'
import { run } from '../e2e/cloud.ts'
import { CONTROL, must } from '../site/namespaces.ts'
import { site, type Site } from '../site/site.ts'
import { listenForPoints, nameOf, type Points } from './points.ts'
import { User } from './user.ts'
import { kill, VICTIMS, type Killed, type Victim } from './victims.ts'
import { serveImages, type Web } from './web.ts'
import { STAGES, STORES, Work } from './work.ts'

/** Milliseconds in which what a crash left must have been put right. */
const AUDIT_DEADLINE = 60_000

export const PASSES = ['controller', 'others', 'random'] as const
export type Pass = typeof PASSES[number]

/** What a run does. */
export interface CrashOptions {
  seed: string
  passes: readonly Pass[]
  stages(pass: Pass): readonly string[]
  /** Of pass `random`. */
  moments: number
  say(line: string): void
}

/** What a run found. */
export interface CrashReport {
  /** Where parts were killed. */
  kills: string[]
  /** Points that the work reached. */
  points: number
  /** Things that ended in ERROR and were made again, with their reasons. */
  errors: string[]
}

/** Runs it; throws with seed, pass and stage when something is not as it must be. */
export async function crashRun(opts: CrashOptions): Promise<CrashReport> {
  const { seed, say } = opts
  const socket = join('/tmp', `alto-points-${systemIds.bytes(4).toString('hex')}`)
  await using undo = new AsyncDisposableStack()
  const points = undo.use(await listenForPoints(socket))
  const one = await site({ config: { site: { failure_points: socket }, glance: { stores: STORES.map(store => `${store}:file`), import_allowed_ranges: [CONTROL], import_allowed_ports: [] } } })
  undo.defer(() => one.remove())
  const web = undo.use(await serveImages(CONTROL))
  await one.up()
  const report: CrashReport = { kills: [], points: 0, errors: [] }
  for (const pass of opts.passes) {
    say(`seed ${seed}, pass ${pass}`)
    try {
      await onePass({ one, points, web, pass, opts, report })
    } catch (error) {
      throw new Error(`seed ${seed}, pass ${pass}, after ${report.kills.at(-1) ?? 'nothing'}: ${(error as Error).message}; with ALTO_KEEP=1 the logs stay in ${one.data}`, { cause: error })
    }
  }
  report.points = points.seen.size
  await one.down()
  assert.deepEqual(await one.traces(), [])
  return report
}

async function onePass({ one, points, web, pass, opts, report }: { one: Site, points: Points, web: Web, pass: Pass, opts: CrashOptions, report: CrashReport }): Promise<void> {
  const random = seededIds(`${opts.seed}/${pass}`)
  const began = systemClock.now()
  const returning = new Map<string, Promise<void>>()
  /** Kills a part of the kinds `from`; where one is not there (or on its way back), one of the next. */
  const dies = async (from: readonly Victim[], where: string) => {
    const at = systemClock.now()
    const first = random.below(from.length)
    let killed: Killed | undefined
    let victim = from[first]!
    for (let n = 0; n < from.length && !killed; n++) {
      victim = from[(first + n) % from.length]!
      killed = await kill(one, victim, random, new Set(returning.keys()))
    }
    if (!killed) return
    const { what } = killed
    const line = `${((at - began) / 1000).toFixed(1)} s ${what} at ${where}`
    report.kills.push(line)
    opts.say(`  ${line}`)
    const back = killed.back.finally(() => { returning.delete(what) })
    back.catch((error: unknown) => points.fail(error))
    returning.set(what, back)
  }
  const before = report.kills.length
  const moments = () => report.kills.length - before
  const done = new Set<string>()
  const dying = new Set<string>()
  const hooks: Record<Pass, Points['hook']> = {
    async controller(point) {
      const process_ = one.controllers.find(controller => controller.name === point.process)!
      if (done.has(nameOf(point)) || dying.has(process_.name)) return      // who is dying reaches the point again in its next life
      done.add(nameOf(point))
      dying.add(process_.name)
      report.kills.push(`${process_.name} at ${nameOf(point)}`)
      opts.say(`  ${report.kills.at(-1)}`)
      await process_.kill()
      dying.delete(process_.name)
      await process_.start()
    },
    async others(point) {
      if (done.has(nameOf(point))) return
      done.add(nameOf(point))
      await dies(VICTIMS.slice(1), nameOf(point))
    },
    random: async () => {},
  }
  points.hook = hooks[pass]
  /** At a moment that no task tells of: in pass `controller` both die, since nobody knows which one is at it. */
  const moment = async (where: string) => {
    if (pass === 'random' || done.has(where)) return
    done.add(where)
    if (pass === 'others') return dies(VICTIMS.slice(1), where)
    const running = one.controllers.filter(({ name }) => !dying.has(name))
    report.kills.push(`${running.map(({ name }) => name).join(' and ')} at ${where}`)
    opts.say(`  ${report.kills.at(-1)}`)
    for (const { name } of running) dying.add(name)
    await Promise.all(running.map(process_ => process_.kill()))
    for (const process_ of running) {
      dying.delete(process_.name)
      await process_.start()
    }
  }
  web.halfWay = () => moment('the middle of a download')
  const user = new User(() => one.controllers.filter(controller => controller.pid !== undefined).map(controller => one.urlOf(controller)), { name: 'admin', password: one.adminPassword, project: 'admin' })
  const work = new Work(user, { reaches: point => points.next(point), dies: moment, web: web.url })
  const ending = new AbortController()
  const disturbed = pass === 'random' ? disturb(opts.moments, random, dies, ending.signal) : Promise.resolve()
  try {
    await work.network('net', '10.77.0.0/24')
    for (let round = 0; round === 0 || (pass === 'random' && !ending.signal.aborted && moments() < opts.moments && round < 5); round++) {
      for (const name of opts.stages(pass)) {
        await STAGES[name]!(work)
        points.check()
      }
      await STAGES['end']!(work)
    }
  } finally {
    ending.abort()
    await disturbed
    points.hook = async () => {}
    web.halfWay = async () => {}
  }
  await Promise.all(returning.values())
  await one.up()
  await one.until('DHCP on every network', 30, () => isDhcpServed(one))
  report.errors.push(...user.errors)
  assert.deepEqual(user.problems, [], 'answers of the cloud that are its fault')
  let findings = ''
  for (const end = systemClock.now() + AUDIT_DEADLINE; findings !== 'clean' && systemClock.now() < end;) findings = await one.audit()
  assert.equal(findings, 'clean')
}

/** True when every network that has a place for DHCP has a dnsmasq there. */
async function isDhcpServed(one: Site): Promise<boolean> {
  const places = await Promise.all(one.hosts.map(host => must(...host.within, 'ip', 'netns', 'list')))
  const { stdout } = await run('pgrep', ['-af', one.id])
  return places.join('').split('\n').filter(line => line.startsWith('qdhcp-')).length === stdout.split('\n').filter(line => line.split(' ')[1]?.includes('dnsmasq')).length
}

/** Kills at moments from the seed, 0.5 to 6 s apart, until there were `moments` or the work is over. */
async function disturb(moments: number, random: Ids, dies: (from: readonly Victim[], where: string) => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let n = 1; n <= moments && !signal.aborted; n++) {
    await sleep(500 + random.below(5500), undefined, { signal }).catch(() => {})
    if (!signal.aborted) await dies(VICTIMS, `moment ${n}`)
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seed: { type: 'string' }, pass: { type: 'string', multiple: true }, stage: { type: 'string', multiple: true }, moments: { type: 'string', default: '20' } } })
  const report = await crashRun({
    seed: values.seed ?? systemIds.bytes(4).toString('hex'), passes: PASSES.filter(pass => values.pass?.includes(pass) ?? true), stages: () => values.stage ?? Object.keys(STAGES).filter(name => name !== 'end'),
    moments: Number(values.moments), say: line => console.log(line),
  })
  for (const error of report.errors) console.log(`made again: ${error}`)
  console.log(`${report.kills.length} kills at ${report.points} points: nothing lost, nothing left`)
}

// The laws that every task keeps, as functions over any definition: a world to run it in, and the runner's points to disturb it at.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ManualClock } from '../clock/index.ts'
import type { Database } from '../db/index.ts'
import { Fault } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import { Crash, type Definition, task, taskKind, type TaskPoint, type TaskQueue, TaskRunner, type TaskShape, type TaskTables } from '../task/index.ts'

/** A small cloud for one run of one task. Equal histories must look equal: replace ids that depend on chance. */
export interface TaskWorld<Tables extends TaskTables> extends AsyncDisposable {
  readonly db: Database<Tables>
  readonly clock: ManualClock
  readonly ids: Ids
  readonly queue: TaskQueue
  readonly definition: Definition<Tables>
  /** Does what the request does: writes the desired state and enqueues the task. Gives the resource's id. What must be there before was made when the world was. */
  begin(): Promise<string>
  /** What the rest of the world does while the task waits: agents' reports, other services' events. Called whenever nothing is at work. */
  turn?(): Promise<void>
  /** Everything that the task could have changed, beyond the task's own rows. */
  seen(): Promise<unknown>
  /** The same without the resource itself: what a failed create must leave as it was. */
  left(): Promise<unknown>
  /** The reason that the resource shows for being in its error state; undefined when it is not, null when there is no resource any more. */
  reason(): Promise<string | undefined | null>
}

/** Makes a world, each time the same. */
export type OpenWorld<Tables extends TaskTables> = () => Promise<TaskWorld<Tables>>

/** One law: throws an AssertionError that names the step at which it is broken. */
export interface TaskLaw {
  readonly title: string
  holds<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void>
}

/** All of them. */
export const TASK_LAWS: readonly TaskLaw[] = [
  { title: 'every step twice gives the same', holds: everyStepTwice },
  { title: 'a crash at any point leaves nothing doubled and nothing undone', holds: crashAnywhere },
  { title: 'failing at any step leaves the resource in error with the reason, and a create leaves nothing else', holds: failAnywhere },
  { title: 'undoing twice, or dying while undoing, is harmless', holds: undoTwice },
  { title: 'a delete that comes at any point finds everything rolled back', holds: preemptAnywhere },
]

/** Registers a test for each law of the task called `name` (a sentence's subject: 'server.create'). */
export function testTaskLaws<Tables extends TaskTables>(name: string, open: OpenWorld<Tables>): void {
  for (const law of TASK_LAWS) test(`${name}: ${law.title}`, () => law.holds(open))
}

async function everyStepTwice<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void> {
  const reference = await undisturbed(open)
  for (const place of reference.points.filter(point => point.moment === 'afterDo')) {
    await using world = await open()
    const { outcome } = await run(world, [firstTime(place, () => { throw new Fault('unavailable', 'law.again', 'once more') })])
    assert.equal(outcome, 'done', `the task did not end well when ${place.step} was done twice`)
    assert.deepEqual(await world.seen(), reference.seen, `doing ${place.step} twice made a difference`)
  }
}

async function crashAnywhere<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void> {
  const reference = await undisturbed(open)
  for (const place of reference.points) {
    await using world = await open()
    const { outcome } = await run(world, [firstTime(place, point => { throw new Crash(point) }), () => {}])
    assert.equal(outcome, 'done', `the task did not end well after a crash at ${place.moment} of ${place.step}`)
    assert.deepEqual(await world.seen(), reference.seen, `a crash at ${place.moment} of ${place.step} made a difference`)
  }
}

async function failAnywhere<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void> {
  const { points } = await undisturbed(open)
  for (const place of points.filter(point => point.moment !== 'afterDoRecord')) {
    await using world = await open()
    const before = await world.left()
    const { outcome } = await run(world, [firstTime(place, failing)])
    assert.equal(outcome, 'failed', `failing at ${place.moment} of ${place.step} did not fail the task`)
    await assertFailed(world, place, before)
  }
}

async function undoTwice<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void> {
  const failAt = await lastFailing(open)
  if (!failAt) return
  const undoing = (await recorded(open, firstTime(failAt, failing))).points.filter(point => point.moment !== 'beforeDo' && /undo/i.test(point.moment))
  for (const place of undoing) {
    for (const disturb of [(point: TaskPoint) => { throw new Crash(point) }, ...(place.moment === 'afterUndo' ? [() => { throw new Fault('unavailable', 'law.again', 'once more') }] : [])]) {
      await using world = await open()
      const before = await world.left()
      const [fail, again] = [firstTime(failAt, failing), firstTime(place, disturb)]
      const { outcome } = await run(world, [async point => { await fail(point); await again(point) }, () => {}])
      assert.equal(outcome, 'failed', `the roll back did not end when disturbed at ${place.moment} of ${place.step}`)
      await assertFailed(world, failAt, before)
    }
  }
}

async function preemptAnywhere<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<void> {
  const { points } = await undisturbed(open)
  for (const place of points.filter(point => point.moment !== 'afterDoRecord')) {
    await using world = await open()
    if (!mayRollBack(world.definition, place)) return
    const before = await world.left()
    const { outcome } = await run(world, [firstTime(place, async point => {
      await world.db.write(tx => world.queue.enqueue(tx, STOP, { resourceId: point.resourceId, input: {} }))
    })])
    if (outcome === 'done') continue                     // it came too late: the last step was through
    assert.equal(outcome, 'preempted', `a delete at ${place.moment} of ${place.step} did not stop the task`)
    assert.deepEqual(await world.left(), before, `a delete at ${place.moment} of ${place.step} found something left behind`)
  }
}

const MESSAGE = 'refused by the law'
const STOP = taskKind('law.stop', { preempts: true })
const TURNS = 3_000
const TURN_MS = 1_000

interface Stop<Tables extends TaskTables> extends TaskShape { tables: Tables, got: { stop: void } }
type Hook = (point: TaskPoint) => void | Promise<void>

function failing(): never {
  throw new Fault('conflict', 'law.refused', MESSAGE)
}

/** `disturb` at the first passing of the point that `place` names, and never again. */
function firstTime(place: TaskPoint, disturb: Hook): Hook {
  let passed = false
  return async point => {
    if (passed || point.moment !== place.moment || point.step !== place.step || point.kind !== place.kind) return
    passed = true
    await disturb(point)
  }
}

async function undisturbed<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<{ points: TaskPoint[], seen: unknown }> {
  const { points, seen, outcome } = await recorded(open, () => {})
  assert.equal(outcome, 'done', 'the task does not even end well when nobody disturbs it')
  assert.ok(points.length > 0)
  return { points, seen }
}

async function recorded<Tables extends TaskTables>(open: OpenWorld<Tables>, hook: Hook): Promise<{ points: TaskPoint[], seen: unknown, outcome: string | null }> {
  await using world = await open()
  const points = new Map<string, TaskPoint>()
  const { outcome } = await run(world, [async point => {
    if (point.kind === world.definition.kind.name) points.set(`${point.moment} ${point.step}`, point)
    await hook(point)
  }])
  return { points: [...points.values()], seen: await world.seen(), outcome }
}

// Each hook is one life of the program: the next begins when it crashed.
async function run<Tables extends TaskTables>(world: TaskWorld<Tables>, hooks: readonly Hook[]): Promise<{ outcome: string | null }> {
  const { db, clock, ids, queue, definition } = world
  const stop = task<Stop<Tables>>({ kind: STOP, deadlineMs: null, forwardOnly: true, steps: [{ name: 'stop', do: async () => {} }], async onFailed() {} })
  const resourceId = await world.begin()
  for (const at of hooks) {
    await using runner = new TaskRunner<Tables>({ db, clock, ids, queue, definitions: [definition, stop], host: 'law', at })
    await runner.start()
    await drive(world, runner, resourceId)
    if (!runner.crashed) break
  }
  const row = await db.read(tx => queue.history(tx, resourceId))
  return { outcome: row.find(ended => ended.kind === definition.kind.name)?.outcome ?? null }
}

async function drive<Tables extends TaskTables>(world: TaskWorld<Tables>, runner: TaskRunner<Tables>, resourceId: string): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await runner.idle()
    if (runner.crashed || await isEnded(world, resourceId)) return
    await world.turn?.()
    await runner.idle()
    if (runner.crashed || await isEnded(world, resourceId)) return
    await world.clock.advance(TURN_MS)
  }
  assert.fail(`the task did not end within ${TURNS * TURN_MS / 60_000} minutes of its clock`)
}

async function isEnded<Tables extends TaskTables>(world: TaskWorld<Tables>, resourceId: string): Promise<boolean> {
  return (await world.db.read(tx => world.queue.open(tx, resourceId))).length === 0
}

async function assertFailed<Tables extends TaskTables>(world: TaskWorld<Tables>, place: TaskPoint, before: unknown): Promise<void> {
  const reason = await world.reason()
  if (reason === null && world.definition.forwardOnly && place.moment === 'afterDo') return      // a delete that failed after its last effect
  assert.ok(reason?.includes(MESSAGE), `failing at ${place.moment} of ${place.step}: the resource shows ${reason ? `'${reason}'` : 'no error'}`)
  if (mayRollBack(world.definition, place)) assert.deepEqual(await world.left(), before, `failing at ${place.moment} of ${place.step} left something behind`)
}

function mayRollBack<Tables>(definition: Definition<Tables>, place: TaskPoint): boolean {
  const steps = definition.steps.slice(0, definition.steps.findIndex(step => step.name === place.step) + 1)
  return !definition.forwardOnly && !steps.some(step => step.pointOfNoReturn)
}

async function lastFailing<Tables extends TaskTables>(open: OpenWorld<Tables>): Promise<TaskPoint | undefined> {
  await using world = await open()
  const { points } = await undisturbed(open)
  return points.findLast(point => point.moment === 'afterDo' && mayRollBack(world.definition, point))
}

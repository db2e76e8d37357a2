// A task whose two steps each test fills in, and the frame of those tests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databasesUnderTest } from '../../testing/databases.ts'
import { Crash, type Doing, task, type TaskPoint, taskKind, type TaskShape, type Undoing, type Waiting } from '../index.ts'
import { type CloudTables, ExampleCloud } from './example.ts'

/** A task of two steps. */
export interface Two extends TaskShape { tables: CloudTables, got: { first: string, second: void } }
/** Its kind. */
export const TWO = taskKind('server.two')
/** Lets promises settle once; for loops that wait for a condition. */
export const settled = () => new Promise(resolve => setImmediate(resolve))
/** A hook that kills the runner at the first passing of a point. */
export const crashAt = (moment: TaskPoint['moment'], step: string) => {
  let once = true
  return (point: TaskPoint) => { if (once && point.moment === moment && point.step === step) { once = false; throw new Crash(point) } }
}

/** A task of two steps that keeps what it was told when it failed. */
export function twoSteps(steps: {
  first?: (t: Doing<Two>) => Promise<string>, second: (t: Doing<Two>) => Promise<void | Waiting>, undoFirst?: (t: Undoing<Two>) => Promise<void>,
  more?: { handsOver?: true, deadlineMs?: number | null, noReturnAtFirst?: boolean },
}) {
  const failures: string[] = []
  const definition = task<Two>({
    kind: TWO, deadlineMs: 60_000, ...(steps.more?.handsOver && { handsOver: true }), ...(steps.more?.deadlineMs !== undefined && { deadlineMs: steps.more.deadlineMs }),
    steps: [
      { name: 'first', ...(steps.more?.noReturnAtFirst && { pointOfNoReturn: true }), do: steps.first ?? (async () => 'made'), undo: steps.undoFirst ?? 'nothing' },
      { name: 'second', do: steps.second, undo: 'nothing' },
    ],
    async onFailed(_tx, { failure }) { failures.push(`${failure.step} ${failure.kind ?? 'bug'} ${failure.code}: ${failure.message}`) },
  })
  return { definition, failures }
}
/** Enqueues it for a resource. */
export const enqueueTwo = (cloud: ExampleCloud, id: string) => cloud.db.write(tx => cloud.queue.enqueue(tx, TWO, { resourceId: id, input: {} }))

/** A test of `fn` on every database, each with a cloud of its own; nothing may have gone wrong unseen. */
export function onEveryDatabase(title: string, fn: (cloud: ExampleCloud) => Promise<void>): void {
  for (const { name, open } of databasesUnderTest<CloudTables>()) {
    void test(`${name}: ${title}`, async () => {
      await using database = await open()
      await using cloud = await ExampleCloud.open(database.db)
      await fn(cloud)
      assert.deepEqual(cloud.log.lines.filter(line => line.level === 'error'), [])
    })
  }
}

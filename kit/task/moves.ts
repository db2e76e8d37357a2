// What a task does next follows from its row and its definition alone: that is why a restart is no special case.
import { fromJson } from '../db/index.ts'
import type { Definition, ErasedStep } from './definition.ts'
import type { TaskRow } from './schema.ts'

/** The next thing to do. `turn`: stop and begin to roll back, because of a task that pre-empts. */
export type Move =
  | { readonly move: 'do', readonly step: ErasedStep }
  | { readonly move: 'undo', readonly step: ErasedStep }
  | { readonly move: 'turn' }
  | { readonly move: 'end', readonly outcome: 'done' | 'failed' | 'preempted' }

/** The move that follows for `row`. */
export function nextMove<Tables>(definition: Definition<Tables>, row: TaskRow): Move {
  if (row.phase === 'back') {
    const step = nextUndo(definition, row)
    if (step) return { move: 'undo', step }
    return { move: 'end', outcome: row.failure === null ? 'preempted' : 'failed' }
  }
  const step = frontier(definition, row)
  if (!step) return { move: 'end', outcome: 'done' }
  if (row.preempted_by !== null) {
    if (rollsBack(definition, row)) return { move: 'turn' }
    if (definition.handsOver) return { move: 'end', outcome: 'preempted' }
  }
  return { move: 'do', step }
}

/** The first step that is not recorded as done; undefined when all are. */
export function frontier<Tables>(definition: Definition<Tables>, row: TaskRow): ErasedStep | undefined {
  const results = resultsOf(row)
  return definition.steps.find(step => !Object.hasOwn(results, step.name))
}

/** True while the task may still turn back. */
export function rollsBack<Tables>(definition: Definition<Tables>, row: TaskRow): boolean {
  return !definition.forwardOnly && row.committed === 0
}

/** True when a task that pre-empts makes this one stop before its next step. */
export function yields<Tables>(definition: Definition<Tables>, row: TaskRow): boolean {
  return row.phase === 'forward' && (rollsBack(definition, row) || definition.handsOver)
}

/** What the recorded steps returned, by name. */
export function resultsOf(row: TaskRow): Readonly<Record<string, unknown>> {
  return fromJson<Record<string, unknown>>(row.results, {})
}

/** Names of the steps that need no undo any more. */
export function undoneOf(row: TaskRow): readonly string[] {
  return fromJson<string[]>(row.undone, [])
}

// Backwards from the first unrecorded step, which may have been tried: its effect may exist though nobody wrote it down.
function nextUndo<Tables>(definition: Definition<Tables>, row: TaskRow): ErasedStep | undefined {
  const [last, undone] = [frontier(definition, row), undoneOf(row)]
  const reached = last ? definition.steps.slice(0, definition.steps.indexOf(last) + 1) : definition.steps
  return reached.findLast(step => typeof step.undo === 'function' && !undone.includes(step.name))
}

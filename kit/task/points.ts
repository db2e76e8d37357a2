// Where a test (or an operator's experiment) may step in: at each of these points the runner calls the hook it was given.

/** Before a step is done or undone; after it and before that is recorded; after the record. */
export type TaskMoment = 'beforeDo' | 'afterDo' | 'afterDoRecord' | 'beforeUndo' | 'afterUndo' | 'afterUndoRecord'

/** One point in the life of a task. */
export interface TaskPoint {
  readonly moment: TaskMoment
  readonly kind: string
  readonly step: string
  readonly resourceId: string
}

/** Thrown by a hook: the runner dies here, as by kill -9: it records nothing more and keeps its leases. Before and after a step any other error counts as the step's own; after a record only a Crash makes sense. */
export class Crash extends Error {
  constructor(point: TaskPoint) {
    super(`crash at ${point.moment} of ${point.kind}/${point.step}`)
    this.name = 'Crash'
  }
}

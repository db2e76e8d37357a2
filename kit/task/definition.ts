// How a task is declared: its kind, its steps with their undo, and what the resource is told at the end.
import type { Tx } from '../db/index.ts'
import { Fault, type FaultKind, isFinalFault, messageOf } from '../errors/index.ts'
import type { Log } from '../log/index.ts'

declare const INPUT: unique symbol

/** The name of a task and what it is given: all that who enqueues it must know. */
export interface TaskKind<Input> {
  readonly name: string
  /** True for what makes earlier tasks of the resource stop: a delete. */
  readonly preempts: boolean
  readonly [INPUT]?: Input
}

/** Declares a kind: `taskKind<{ flavorId: string }>('server.resize')`; the manager enqueues it, the task room defines it. */
export function taskKind<Input extends object = Record<never, never>>(name: string, options: { preempts?: boolean } = {}): TaskKind<Input> {
  return { name, preempts: options.preempts ?? false }
}

/** The types of a task: the service's tables, the input (JSON), and what each step returns (JSON), by step name. */
export interface TaskShape {
  tables: object
  input: object
  got: object
}

/** On whose behalf: never a token. Authority was checked when the task was enqueued. */
export interface Origin {
  readonly requestId?: string
  readonly globalRequestId?: string
  readonly userId?: string
  readonly projectId?: string
}

/** "Not yet": what `t.wait` gives and a step returns. */
export class Waiting {
  readonly #reason: string
  readonly pollMs: number | undefined

  constructor(reason: string, pollMs: number | undefined) {
    this.#reason = reason
    this.pollMs = pollMs
  }

  /** What the user reads at the deadline. */
  get reason(): string {
    return this.#reason
  }
}

/** Why a task failed. `kind` is missing when it was no Fault: a bug, or an error nobody foresaw. */
export interface Failure {
  readonly step: string
  readonly kind?: FaultKind
  readonly code: string
  readonly message: string
}

/** What a step sees of its task. */
export interface TaskContext<Shape extends TaskShape> {
  readonly taskId: string
  readonly resourceId: string
  readonly input: Shape['input']
  readonly origin: Origin
  /** Grows with each owner of the resource's tasks. What is written or sent carries it, and whoever saw a higher one refuses. */
  readonly epoch: number
  /** Failed tries of this step before this one. */
  readonly attempts: number
  /** Aborts when the deadline passes, the lease is lost, the runner stops, or the task is pre-empted. Pass it to every call. */
  readonly signal: AbortSignal
  /** Carries task, resource and request ids. */
  readonly log: Log
  /** The idempotency key `TASK/NAME`: the same in every try, after every crash. */
  key(name: string): string
  /** Something moved: the deadline counts from now. Writes a row; call it at most every few seconds. */
  progress(): Promise<void>
  /** `return t.wait(…)`: not yet. The step runs again when the resource is rung, or after `pollMs` (the runner's when not given). `reason` is what the user reads at the deadline. */
  wait(options: { reason: string, pollMs?: number }): Waiting
  /** A transaction of the service's database that commits only while this owner still holds the lease. */
  write<Result>(fn: (tx: Tx<Shape['tables']>) => Promise<Result>): Promise<Result>
}

/** What `do` sees: the results of the steps before it. Reading a later one throws. */
export interface Doing<Shape extends TaskShape> extends TaskContext<Shape> {
  readonly got: Shape['got']
}

/** What `undo` sees. A result is missing, the step's own too, when the step was tried but never recorded: look for its marker. */
export interface Undoing<Shape extends TaskShape> extends TaskContext<Shape> {
  readonly got: Partial<Shape['got']>
}

/** A step of a task that only rolls forward. */
export interface ForwardStep<Shape extends TaskShape, Name extends keyof Shape['got'] & string> {
  readonly name: Name
  /** Milliseconds without progress; null waits for a user. The task's when not given. */
  readonly deadlineMs?: number | null
  /** Makes something true and returns what later steps need. Runs again after any error or crash, with the same keys. */
  do(t: Doing<Shape>): Promise<Shape['got'][Name] | Waiting>
}

/** A step of a task that rolls back. */
export interface RollBackStep<Shape extends TaskShape, Name extends keyof Shape['got'] & string> extends ForwardStep<Shape, Name> {
  /** From this step on there is no way back; recorded before it is done. */
  readonly pointOfNoReturn?: true
  /** Takes back what `do` made, wholly or in part or not at all made; may run many times. Fault `notFound` and `gone` count as done. */
  readonly undo: 'nothing' | ((t: Undoing<Shape>) => Promise<void | Waiting>)
}

/** How a task ended, for the transaction that ends it. */
export interface Ended<Shape extends TaskShape> {
  readonly taskId: string
  readonly resourceId: string
  readonly input: Shape['input']
  readonly origin: Origin
  readonly epoch: number
  readonly got: Partial<Shape['got']>
}

/** How a task failed. */
export interface Failed<Shape extends TaskShape> extends Ended<Shape> {
  readonly failure: Failure
}

type StepOf<Shape extends TaskShape> = { [Name in keyof Shape['got'] & string]: RollBackStep<Shape, Name> }[keyof Shape['got'] & string]
type ForwardStepOf<Shape extends TaskShape> = { [Name in keyof Shape['got'] & string]: ForwardStep<Shape, Name> }[keyof Shape['got'] & string]

/** What `task` takes. */
export type TaskSpec<Shape extends TaskShape> = {
  readonly kind: TaskKind<Shape['input']>
  /** Milliseconds without progress after which the task fails; null for one that waits for a user. */
  readonly deadlineMs: number | null
  /** Where it cannot roll back, a pre-empting task need not wait for its end: it stops between steps, as it is. */
  readonly handsOver?: true
  /** In the transaction that ends it well. */
  onDone?(tx: Tx<Shape['tables']>, ended: Ended<Shape>): Promise<void>
  /** Puts the resource into its error state with the reason, once: in the transaction that ends the roll back, or at the roll back's first obstacle. */
  onFailed(tx: Tx<Shape['tables']>, failed: Failed<Shape>): Promise<void>
} & (
  | { readonly forwardOnly?: false, readonly steps: readonly StepOf<Shape>[] }
  | { readonly forwardOnly: true, readonly steps: readonly ForwardStepOf<Shape>[] }
)

/** A step as the runner sees it. */
export interface ErasedStep {
  readonly name: string
  readonly deadlineMs?: number | null
  readonly pointOfNoReturn?: true
  do(t: unknown): Promise<unknown>
  readonly undo?: 'nothing' | ((t: unknown) => Promise<unknown>)
}

/** A declared task; `Tables` are the service's. */
export interface Definition<Tables, Input = unknown> {
  readonly kind: TaskKind<Input>
  readonly deadlineMs: number | null
  readonly forwardOnly: boolean
  readonly handsOver: boolean
  readonly steps: readonly ErasedStep[]
  onDone(tx: Tx<Tables>, ended: unknown): Promise<void>
  onFailed(tx: Tx<Tables>, failed: unknown): Promise<void>
}

/**
 * Declares a task: `task<ServerCreate>({ kind, deadlineMs, steps, onFailed })`, where the shape names tables, input and what each step returns.
 * Throws a TypeError for no steps, and for two of one name.
 */
export function task<Shape extends TaskShape>(spec: TaskSpec<Shape>): Definition<Shape['tables'], Shape['input']> {
  const names = spec.steps.map(step => step.name)
  if (names.length === 0) throw new TypeError(`task ${spec.kind.name} has no steps`)
  const doubled = names.find((name, index) => names.indexOf(name) !== index)
  if (doubled !== undefined) throw new TypeError(`task ${spec.kind.name} has two steps named '${doubled}'`)
  return {
    kind: spec.kind, deadlineMs: spec.deadlineMs, forwardOnly: spec.forwardOnly ?? false, handsOver: spec.handsOver ?? false,
    steps: spec.steps as unknown as readonly ErasedStep[],
    onDone: async (tx, ended) => { await spec.onDone?.(tx, ended as Ended<Shape>) },
    onFailed: (tx, failed) => spec.onFailed(tx, failed as Failed<Shape>),
  }
}

/** Throw `giveUp(error)` where another try would not help, whatever kind of error it is. */
export function giveUp(cause: unknown): Error {
  return new GivenUp(messageOf(cause), { cause })
}

/** What `giveUp` makes. */
export class GivenUp extends Error {}

/** True when another try cannot help: a Fault of a kind that stays, or `giveUp`. An error that nobody foresaw may pass. */
export function isFinal(error: unknown): boolean {
  return error instanceof GivenUp || isFinalFault(error)
}

/** The failure that `error` in `step` is. */
export function failureOf(step: string, error: unknown): Failure {
  const told = error instanceof GivenUp ? error.cause : error
  if (told instanceof Fault) return { step, kind: told.kind, code: told.code, message: told.message }
  return { step, code: 'task.unexpected', message: messageOf(told) }
}

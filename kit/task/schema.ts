// The tables of a service's tasks, in that service's own database.
import type { Migration, Selectable } from '../db/index.ts'

/** What the runner knows of a task. JSON is text, times are milliseconds, booleans 0 and 1. */
export interface TasksTable {
  id: string
  kind: string
  resource_id: string
  /** Order among the tasks of one resource. */
  sequence: number
  input: string
  origin: string
  phase: 'forward' | 'back'
  /** 1 when the point of no return is passed: recorded before its step is done. */
  committed: number
  /** What each recorded step returned, by step name. */
  results: string
  /** Names of the steps that are undone, or that were never attempted. */
  undone: string
  /** Names of the steps whose undo was given up, with the reason. */
  left_behind: string
  failure: string | null
  /** 1 when `onFailed` has told the resource. */
  announced: number
  outcome: 'done' | 'failed' | 'preempted' | null
  preempted_by: string | null
  /** Failed tries of the step at hand. */
  attempts: number
  last_error: string | null
  waiting_for: string | null
  /** How often it was rung; a ring during a try is seen by comparing. */
  rings: number
  progress_at: number
  /** When somebody may take it up: the lease's end while it is owned, else the next look. */
  due_at: number
  owner: string | null
  incarnation: string | null
  /** The resource's epoch when it was last taken up; 0 when it never was. */
  epoch: number
  created_at: number
  finished_at: number | null
}

/** One row for each resource that ever had a task: sequence and epoch only grow, whatever tasks are purged. */
export interface TaskResourcesTable {
  resource_id: string
  sequence: number
  epoch: number
}

/** What a service's table interface extends. */
export interface TaskTables {
  tasks: TasksTable
  task_resources: TaskResourcesTable
}

/** A row of `tasks`. */
export type TaskRow = Selectable<TasksTable>

/** What a service puts into its own list of migrations. */
export const taskMigrations: readonly Migration[] = [{
  id: 'task-0001-tasks',
  up: [
    `create table task_resources (resource_id text primary key, sequence bigint not null, epoch bigint not null)`,
    `create table tasks (
      id text primary key, kind text not null, resource_id text not null, sequence bigint not null, input text not null, origin text not null,
      phase text not null check (phase in ('forward', 'back')), committed integer not null, results text not null, undone text not null, left_behind text not null,
      failure text, announced integer not null, outcome text check (outcome in ('done', 'failed', 'preempted')), preempted_by text,
      attempts integer not null, last_error text, waiting_for text, rings integer not null, progress_at bigint not null, due_at bigint not null,
      owner text, incarnation text, epoch bigint not null, created_at bigint not null, finished_at bigint, unique (resource_id, sequence),
      check ((outcome is null) = (finished_at is null)))`,
    `create index tasks_open on tasks (due_at) where finished_at is null`,
    `create index tasks_open_resource on tasks (resource_id, sequence) where finished_at is null`,
    `create index tasks_finished on tasks (finished_at) where finished_at is not null`,
  ],
}]

// Durable tasks: what a request could not finish at once, as named steps that survive crashes, with the undo of each.
export {
  type Definition, type Doing, type Ended, type Failed, type Failure, type ForwardStep, giveUp, type Origin, type RollBackStep, task, type TaskContext, type TaskKind, taskKind, type TaskShape,
  type TaskSpec, type Undoing, type Waiting,
} from './definition.ts'
export { originOf } from './origin.ts'
export { type EndedTask, type OpenTask, type TaskOrder, TaskQueue } from './queue.ts'
export { shareBells, type TaskBell, taskBell } from './bell.ts'
export { TaskRunner, type TaskRunnerOptions } from './runner.ts'
export { Crash, type TaskMoment, type TaskPoint } from './points.ts'
export { type TaskRow, taskMigrations, type TaskTables } from './schema.ts'

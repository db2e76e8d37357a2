// What tests of every part share: databases to run on, golden contracts, the laws of tasks.
export { assertBlessed } from './blessed.ts'
export { sweepTests, type Personas, type Swept } from './sweeps.ts'
export { databasesUnderTest, freshPostgres, type TestDatabase } from './databases.ts'
export { twoControllers, type Ended, type Interleaved, type TwoControllers, type Walked } from './interleave.ts'
export { freePort } from './free-port.ts'
export { guestImage } from './guest-image.ts'
export { type OpenWorld, TASK_LAWS, type TaskLaw, type TaskWorld, testTaskLaws } from './task-laws.ts'
export { stayAlive } from './alive.ts'

// The run, on a cloud in one process.
import { realCloud } from './real-cloud.ts'
import { theRun } from './the-run.ts'

theRun(realCloud)

// The only place that runs commands. Argument arrays, never shell strings; every command has a deadline and may have limits.
export { commandHost, type CommandLimits, type Host, type RunOptions, type RunResult } from './run.ts'
export { recordingHost, type RecordingHost } from './recording.ts'

// A host that runs nothing: it records what was asked and answers from a table. For tests of what commands are built.
import type { Host, RunOptions, RunResult } from './run.ts'

/** A fake host and what it was asked to do. */
export interface RecordingHost extends Host {
  readonly commands: { argv: readonly string[], opts: RunOptions }[]
}

/** Answers each command with what `answer` gives for it, else with success and no output. */
export function recordingHost(answer: (argv: readonly string[]) => Partial<RunResult> | undefined = () => undefined): RecordingHost {
  const commands: RecordingHost['commands'] = []
  return {
    commands,
    run(argv, opts = {}) {
      commands.push({ argv, opts })
      return Promise.resolve({ code: 0, stdout: '', stderr: '', ...answer(argv) })
    },
  }
}

// `./alto test`: installs what the tests need, then runs all of them, or those whose path holds one of the words given.
import { commandHost } from '@alto/kit/host'
import { runTests } from '@alto/tools/test'
import { ensurePackages } from './packages.ts'

/** Runs the tests; gives the exit code. Packages are installed only for the whole run. Throws what ensurePackages does. */
export async function testCommand(args: readonly string[], say: (line: string) => void): Promise<number> {
  if (!args.some(arg => !arg.startsWith('-'))) await ensurePackages('tests', commandHost, say)
  return await runTests(args)
}

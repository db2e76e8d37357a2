// The command line.
import { isFault } from '@alto/kit/errors'
import { testCommand } from './test-command.ts'

/** Runs one command line; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args
  try {
    if (command === 'test') return await testCommand(rest, line => console.log(line))
    console.error(`alto: there is no command ${command ?? ''}; there is: test`)
    return 2
  } catch (error) {
    if (!isFault(error)) throw error
    console.error(`alto: ${error.message}`)
    return 1
  }
}

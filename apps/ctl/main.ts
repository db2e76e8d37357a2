// The command line.
import { Command, CommanderError } from 'commander'
import { isFault } from '@alto/kit/errors'
import { addAdmin } from './commands/admin.ts'
import { addAudit } from './commands/audit.ts'
import { addConfig } from './commands/config.ts'
import { addDoctor } from './commands/doctor.ts'
import { addKeys } from './commands/keys.ts'
import { addLogs } from './commands/logs.ts'
import { addPolicy } from './commands/policy.ts'
import { addRunning } from './commands/running.ts'
import { addServe } from './commands/serve.ts'
import { addUp } from './commands/up.ts'

/** Runs one command line; gives the exit code. A reader of its words who has gone (`| head -1`) ends nothing. */
export async function main(args: readonly string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })
  const program = new Command('alto').description('An OpenStack cloud: "./alto up" starts it, "./alto test" tests it.').exitOverride().showHelpAfterError('(./alto --help lists the commands)')
  let code = 0
  const exits = (value: number) => { code = value }
  for (const add of [addUp, addRunning, addLogs, addDoctor, addAudit, addConfig, addPolicy, addKeys, addAdmin, addServe]) add(program, exits)
  program.command('test').description('run all tests, or those whose path holds one of the words').argument('[words...]').allowUnknownOption()
    .action(async (words: string[]) => {
      const { testCommand } = await import('./test-command.ts')
      exits(await testCommand(words, line => console.log(line)))
    })
  try {
    await program.parseAsync(args.length ? args : ['--help'], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!isFault(error)) throw error
    console.error(`alto: ${error.message}`)
    return 1
  }
}

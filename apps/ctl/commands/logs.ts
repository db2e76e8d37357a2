// `./alto logs`: the cloud's log, of one service when it is named.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runDirectory, withData, type AddCommand } from './data.ts'

/** Adds `logs`. */
export const addLogs: AddCommand = program => {
  withData(program.command('logs')).description('what happened').argument('[service]').option('-f, --follow', 'go on as it is written').option('-n, --lines <n>', 'so many lines at most', '200')
    .action(async (service: string | undefined, flags: { data: string, follow?: boolean, lines: string }) => {
      await runDirectory(flags.data)
      const tail = spawn('tail', ['-n', flags.lines, ...(flags.follow ? ['-F'] : []), join(flags.data, 'log', 'alto.log')], { stdio: ['ignore', 'pipe', 'inherit'] })
      for await (const line of createInterface({ input: tail.stdout })) if (service === undefined || line.includes(`"service":"${service}"`)) console.log(line)
      if (tail.exitCode === null) await once(tail, 'exit')
    })
}

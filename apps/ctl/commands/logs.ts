// `./alto logs`: the cloud's log, of one service when it is named.
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@alto/kit/clock'
import { runDirectory, withData, type AddCommand } from './data.ts'

const LOOK = 300

/** Adds `logs`. */
export const addLogs: AddCommand = program => {
  withData(program.command('logs')).description('what happened').argument('[service]').option('-f, --follow', 'go on as it is written').option('-n, --lines <n>', 'so many lines at most', '200')
    .action(async (service: string | undefined, flags: { data: string, follow?: boolean, lines: string }) => {
      await runDirectory(flags.data)
      await using file = await open(join(flags.data, 'log', 'alto.log'))
      let rest = ''
      const next = async () => {
        const lines = (rest + (await file.readFile('utf8'))).split('\n')
        rest = lines.pop()!
        return lines.filter(line => service === undefined || line.includes(`"service":"${service}"`))
      }
      for (const line of (await next()).slice(-Number(flags.lines))) console.log(line)
      while (flags.follow) {
        await systemClock.sleep(LOOK)
        for (const line of await next()) console.log(line)
      }
    })
}

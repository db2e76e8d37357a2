// `./alto config show|check|sample`.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig, sampleConfig, showConfig } from '@alto/kit/config'
import { withData, type AddCommand } from './data.ts'

/** Adds `config`. */
export const addConfig: AddCommand = (program, exits) => {
  const config = program.command('config').description('options, as the services declare them')
  config.command('sample').description('a configuration file of all options, each with its default').action(async () => { console.log(sampleConfig((await import('@alto/allinone')).sections)) })
  withData(config.command('show')).description('every option, its value, and where that comes from').action(async (flags: { data: string }) => {
    const { settings, problems } = await reading(flags.data)
    process.stdout.write(showConfig(settings))
    exits(told(problems))
  })
  withData(config.command('check')).description('whether the file and the environment are right').action(async (flags: { data: string }) => {
    const { problems } = await reading(flags.data)
    if (problems.length === 0) console.log('ok')
    exits(told(problems))
  })
}

async function reading(dir: string) {
  const { sections } = await import('@alto/allinone')
  const file = join(dir, 'config.yaml')
  return readConfig(sections, { file, text: existsSync(file) ? await readFile(file, 'utf8') : '', environment: process.env })
}

function told(problems: readonly string[]): number {
  for (const problem of problems) console.error(problem)
  return problems.length ? 1 : 0
}

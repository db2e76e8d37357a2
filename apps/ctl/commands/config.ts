// `./alto config show|check|sample`.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig, sampleConfig, showConfig } from '@alto/kit/config'
import { configText, withCloud, type AddCommand, type CloudFlags } from './data.ts'

/** Adds `config`. */
export const addConfig: AddCommand = (program, exits) => {
  const config = program.command('config').description('options, as the services declare them')
  config.command('sample').description('a configuration file of all options, each with its default').option('--site', 'for the processes of a site ("./alto serve")')
    .action(async (flags: { site?: boolean }) => { console.log(sampleConfig(flags.site === true ? (await import('@alto/serve')).sections : (await import('@alto/site/sections')).sections)) })
  withCloud(config.command('show')).description('every option, its value, and where that comes from').action(async (flags: CloudFlags) => {
    const { settings, problems } = await reading(flags)
    process.stdout.write(showConfig(settings))
    exits(told(problems))
  })
  withCloud(config.command('check')).description('whether the file and the environment are right').action(async (flags: CloudFlags) => {
    const { problems } = await reading(flags)
    if (problems.length === 0) console.log('ok')
    exits(told(problems))
  })
}

async function reading(flags: CloudFlags) {
  if (flags.config !== undefined) return readConfig((await import('@alto/serve')).sections, { file: flags.config, text: await configText(flags.config), environment: process.env })
  const { sections } = await import('@alto/site/sections')
  const file = join(flags.data, 'config.yaml')
  return readConfig(sections, { file, text: existsSync(file) ? await readFile(file, 'utf8') : '', environment: process.env })
}

function told(problems: readonly string[]): number {
  for (const problem of problems) console.error(problem)
  return problems.length ? 1 : 0
}

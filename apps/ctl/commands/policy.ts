// `./alto policy check|sample`.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '@alto/kit/config'
import { Fault } from '@alto/kit/errors'
import { enforcer, policySet, samplePolicy, type Credentials } from '@alto/kit/policy'
import { withData, type AddCommand } from './data.ts'

interface CheckFlags { data: string, roles: string, user: string, project: string, target: string[], system?: boolean }

/** Adds `policy`. */
export const addPolicy: AddCommand = (program: Command, exits) => {
  const policy = program.command('policy').description('who may do what')
  policy.command('sample').description('a policy file of every rule of a service').argument('<service>').action(async (service: string) => { console.log(samplePolicy((await memberOf(service)).declared.rules)) })
  withData(policy.command('check')).description('may somebody with these roles do that, and why').argument('<service>').argument('<rule>')
    .option('--roles <names>', 'role names, with commas', 'member,reader').option('--user <id>', 'the user', 'user').option('--project <id>', 'the project of the token', 'project').option('--system', 'a token for the system')
    .option('--target <key=value>', 'what is acted upon; may be repeated', (pair: string, all: string[]) => [...all, pair], [])
    .action(async (service: string, rule: string, flags: CheckFlags) => {
      const { declared, kinds } = await memberOf(service)
      const { policyFiles } = await import('@alto/site/policies')
      const set = policySet(declared.rules, { ...await policyOptionsOf(flags.data), overrides: await policyFiles(join(flags.data, 'policy'), service) })
      for (const warning of set.warnings) console.error(warning)
      if (!set.checks.has(rule)) throw new Fault('notFound', 'ctl.noRule', `${service} has no rule ${rule}; "./alto policy sample ${service}" lists them.`)
      const credentials: Credentials = { userId: flags.user, userDomainId: 'default', roles: flags.roles.split(','), ...(flags.system ? { systemScope: 'all' } : { projectId: flags.project, projectDomainId: 'default' }) }
      const target = flags.target.length ? Object.fromEntries(flags.target.map(pair => pair.split('=') as [string, string])) : { project_id: flags.project, user_id: flags.user }
      const decision = enforcer(set, kinds).allowed(rule, credentials, target)
      console.log(decision.allowed ? `yes: ${rule}` : `no: ${decision.why}`)
      exits(decision.allowed ? 0 : 1)
    })
}

/** The section `policy` of the cloud's configuration. */
async function policyOptionsOf(data: string) {
  const { sections } = await import('@alto/site/sections')
  const file = join(data, 'config.yaml')
  return loadConfig(sections, { file, text: existsSync(file) ? await readFile(file, 'utf8') : '', environment: process.env }).policy
}

async function memberOf(name: string) {
  const { services } = await import('@alto/site/sections')
  const service = services.find(one => one.name === name)
  if (!service) throw new Fault('notFound', 'ctl.noService', `There is no service ${name}; there are ${services.map(one => one.name).join(', ')}.`)
  return service
}

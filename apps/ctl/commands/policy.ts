// `./alto policy check|sample`.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '@alto/kit/config'
import { Fault } from '@alto/kit/errors'
import { enforcer, policySet, samplePolicy, type Credentials } from '@alto/kit/policy'
import type { StandingQuestion } from '@alto/site'
import { askCloud, withCloud, type AddCommand } from './data.ts'

interface CheckFlags { data: string, config?: string, roles: string, user: string, project: string, domain?: string, target: string[], system?: boolean, as?: string, userDomain?: string, projectDomain?: string }

/** Adds `policy`. */
export const addPolicy: AddCommand = (program: Command, exits) => {
  const policy = program.command('policy').description('who may do what')
  policy.command('sample').description('a policy file of every rule of a service').argument('<service>').action(async (service: string) => { console.log(samplePolicy((await memberOf(service)).declared.rules)) })
  withCloud(policy.command('check')).description('may somebody do that, and why not: a user of the running cloud (--as), or anybody with these roles').argument('<service>').argument('<rule>')
    .option('--as <user>', 'the name of a user of the running cloud, with the roles that it has in --project, --domain or the --system')
    .option('--user-domain <name>', 'the domain of --as', 'Default').option('--project-domain <name>', 'the domain of --project', 'Default')
    .option('--roles <names>', 'role names, with commas', 'member,reader').option('--user <id>', 'the user', 'user').option('--project <id>', 'the project of the token; its name with --as', 'project')
    .option('--domain <id>', 'a token for that domain; its name with --as').option('--system', 'a token for the system')
    .option('--target <key=value>', 'what is acted upon, as in project_id=…; may be repeated; the own project and user when not said', (pair: string, all: string[]) => [...all, pair], [])
    .action(async (service: string, rule: string, flags: CheckFlags) => {
      const { declared, kinds } = await memberOf(service)
      const { policyFiles } = await import('@alto/site/policies')
      const set = policySet(declared.rules, { ...await policyOptionsOf(flags.data), overrides: await policyFiles(join(flags.data, 'policy'), service) })
      for (const warning of set.warnings) console.error(warning)
      if (!set.checks.has(rule)) throw new Fault('notFound', 'ctl.noRule', `${service} has no rule ${rule}; "./alto policy sample ${service}" lists them.`)
      const credentials = flags.as === undefined ? supposed(flags) : await standing(flags, flags.as)
      const target = flags.target.length ? Object.fromEntries(flags.target.map(pair => pair.split('=') as [string, string])) : { project_id: credentials.projectId ?? null, user_id: credentials.userId }
      const decision = enforcer(set, kinds).allowed(rule, credentials, target)
      if (flags.as !== undefined) console.log(`${flags.as} is ${credentials.roles.join(', ')} there`)
      console.log(decision.allowed ? `yes: ${rule}` : `no: ${decision.why}`)
      exits(decision.allowed ? 0 : 1)
    })
}

function supposed({ user, roles, project, domain, system }: CheckFlags): Credentials {
  return { userId: user, userDomainId: 'default', roles: roles.split(','), ...(system ? { systemScope: 'all' } : domain === undefined ? { projectId: project, projectDomainId: 'default' } : { domainId: domain }) }
}

async function standing({ userDomain, project, projectDomain, domain, system, ...flags }: CheckFlags, user: string): Promise<Credentials> {
  const question: StandingQuestion = { user, userDomain, project, projectDomain, domain, system }
  return await askCloud(flags, 'credentials', { ...question }) as Credentials
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

// `./alto serve`: one process of a larger site.
import { readFile } from 'node:fs/promises'
import { systemClock } from '@alto/kit/clock'
import { Fault, messageOf } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { jsonLog } from '@alto/kit/log'
import type { AddCommand } from './data.ts'

const WITH_AGENTS = ['nova', 'neutron', 'cinder']

/** Adds `serve`. */
export const addServe: AddCommand = program => {
  program.command('serve').description('one or more roles of a larger site, until a signal ends it').requiredOption('--role <role...>', 'keystone, placement, glance').requiredOption('--config <file>', 'the site\'s configuration')
    .action(async (flags: { role: string[], config: string }) => {
      const { ROLES, serve } = await import('@alto/serve')
      const roles = flags.role.map(name => {
        const role = ROLES.find(known => known === name)
        if (role) return role
        const why = WITH_AGENTS.includes(name) ? `${name} speaks to agents, and between processes there is no bus yet: run it with "./alto up"` : `it may be ${ROLES.join(', ')}`
        throw new Fault('badRequest', 'ctl.role', `--role ${name} is not there: ${why}.`)
      })
      const text = await readFile(flags.config, 'utf8').catch((cause: unknown) => { throw new Fault('badRequest', 'ctl.config', `--config: ${messageOf(cause)}`, { cause }) })
      const served = await serve({ roles, config: { file: flags.config, text, environment: process.env }, log: jsonLog(2), clock: systemClock, ids: systemIds })
      console.log(`${roles.join(', ')} at ${served.url}\nready`)
      await new Promise<void>(resolve => { for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve()) })
      await served.stop()
    })
}

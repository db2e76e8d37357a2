// `./alto serve`: one process of a larger site.
import type { Role } from '@alto/serve'
import { systemClock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { jsonLog } from '@alto/kit/log'
import { configText, type AddCommand } from './data.ts'

/** Adds `serve`. */
export const addServe: AddCommand = program => {
  program.command('serve').description('one or more roles of a larger site, until a signal ends it (guests go on) or "down --config" (they do not)')
    .requiredOption('--role <role...>', 'keystone, placement, glance, neutron, cinder, nova, or controller for all of them; compute, network, volume, or host for all of those')
    .requiredOption('--config <file>', 'the site\'s configuration')
    .action(async (flags: { role: string[], config: string }) => {
      const { serve } = await import('@alto/serve')
      const roles = await rolesOf(flags.role)
      const config = { file: flags.config, text: await configText(flags.config), environment: process.env }
      const served = await serve({ roles, config, log: jsonLog(2, process.env['ALTO_DEBUG'] ? 'debug' : 'info'), clock: systemClock, ids: systemIds })
      console.log(`${roles.join(', ')}${served.url === undefined ? '' : ` at ${served.url}`}\nready`)
      const signalled = new Promise<{ keepGuests: boolean }>(resolve => { for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve({ keepGuests: true })) })
      await served.stop(await Promise.race([signalled, served.told]))
    })
}

async function rolesOf(names: readonly string[]): Promise<Role[]> {
  const { ROLES } = await import('@alto/serve')
  const { HOST_ROLES, SERVICES } = await import('@alto/site')
  return [...new Set(names.flatMap((name): readonly Role[] => {
    if (name === 'controller') return SERVICES
    if (name === 'host') return HOST_ROLES
    const role = ROLES.find(known => known === name)
    if (!role) throw new Fault('badRequest', 'ctl.role', `--role ${name} is not there: it may be ${ROLES.join(', ')}, controller (all services) or host (all agents).`)
    return [role]
  }))]
}

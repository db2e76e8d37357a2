// What a domain is configured with of its own, and what anybody may know of the site's rules for passwords.
import type { Context } from '@alto/kit/context'
import { orFault } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { checkPart, COMPLIANCE, defaultsOf, refusedConfiguration, settingsOf, shown, type Part } from '../../model/projects/domain-configuration.ts'
import { notFound } from '../../model/faults.ts'
import { DEFAULT_DOMAIN } from '../../model/projects/projects.ts'
import * as rules from '../../policy/projects/domain-configuration.ts'
import * as settings from '../../store/projects/domain-configuration.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** Options by group, or one option's value by its name. */
export type ShownConfiguration = ReturnType<typeof shown>

export type DomainConfigurationManager = ReturnType<typeof domainConfigurationManager>

/** The use cases of domains' configurations. */
export function domainConfigurationManager({ db, options }: Deps) {
  return {
    async show(ctx: Context, domainId: string, part: Part): Promise<ShownConfiguration> {
      ctx.authorize(rules.GET_DOMAIN_CONFIG, {})
      checkPart(part)
      const found = shown(await db.read(tx => settings.list(tx, domainId, part)), part)
      if (Object.keys(found).length === 0) throw noSettings(domainId, part)
      return found
    },

    async showDefaults(ctx: Context, part: Part): Promise<ShownConfiguration> {
      ctx.authorize(rules.GET_DOMAIN_CONFIG_DEFAULT, {})
      return defaultsOf(part)
    },

    /** What new passwords must be like: for everybody with a token, under the default domain as upstream has it. */
    async showCompliance(ctx: Context, domainId: string, option?: string): Promise<ShownConfiguration> {
      ctx.authorize(rules.GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG, {})
      if (domainId !== DEFAULT_DOMAIN) throw refusedConfiguration('Reading security compliance information for any domain other than the default domain is not allowed or supported.')
      const readable = { password_regex: options.passwordRegex, password_regex_description: options.passwordRegexDescription }
      if (option === undefined) return { security_compliance: readable }
      const known = COMPLIANCE.find(name => name === option)
      if (!known) throw refusedConfiguration('Reading security compliance values other than password_regex and password_regex_description is not allowed.')
      return { [known]: readable[known] }
    },

    /** Puts a configuration in the place of what is there; `isNew` when nothing was. */
    async create(ctx: Context, domainId: string, config: unknown): Promise<{ config: ShownConfiguration, isNew: boolean }> {
      ctx.authorize(rules.CREATE_DOMAIN_CONFIG, {})
      return ofDomain(domainId, () => db.write(async tx => {
        await checkDomain(tx, domainId)
        const wanted = settingsOf(config)
        const isNew = (await settings.list(tx, domainId)).length === 0
        await settings.remove(tx, domainId)
        await settings.set(tx, domainId, wanted)
        return { config: shown(await settings.list(tx, domainId)), isNew }
      }))
    },

    /** Adds to a configuration, or changes a group or an option that is there. Gives all of it. */
    async update(ctx: Context, domainId: string, config: unknown, part: Part): Promise<ShownConfiguration> {
      ctx.authorize(rules.UPDATE_DOMAIN_CONFIG, {})
      return ofDomain(domainId, () => db.write(async tx => {
        await checkDomain(tx, domainId)
        const wanted = settingsOf(config, part)
        if (part.group !== undefined && (await settings.list(tx, domainId, part)).length === 0) throw noSettings(domainId, part)
        await settings.set(tx, domainId, wanted)
        return shown(await settings.list(tx, domainId))
      }))
    },

    /** Removes a configuration, there or not; or a group or an option that is there. */
    async remove(ctx: Context, domainId: string, part: Part): Promise<void> {
      ctx.authorize(rules.DELETE_DOMAIN_CONFIG, {})
      await db.write(async tx => {
        await checkDomain(tx, domainId)
        checkPart(part)
        if (part.group !== undefined && (await settings.list(tx, domainId, part)).length === 0) throw noSettings(domainId, part)
        await settings.remove(tx, domainId, part)
      })
    },
  }
}

/** A domain that goes meanwhile was not there. */
function ofDomain<T>(id: string, work: () => Promise<T>): Promise<T> {
  return orFault({ reference: () => notFound('domain', id) }, work)
}

async function checkDomain(tx: Tx, id: string): Promise<void> {
  if (!(await projects.find(tx, id))?.isDomain) throw notFound('domain', id)
}

function noSettings(domainId: string, { group, option }: Part): Fault {
  const what = option !== undefined ? `option ${option} in group ${group}` : group !== undefined ? `group ${group}` : 'any options'
  return new Fault('notFound', 'keystone.domainConfiguration.notFound', `Could not find ${what} in domain configuration for domain ${domainId}.`)
}

// The settings that a domain can have of its own, upstream's groups and options of them. They are kept and shown; nothing here obeys them,
// because all users are in our own tables: they are for tools that write and read them.
import { refused } from '../faults.ts'

/** Option values by group and option. Values are whatever JSON the client sent. */
export type Configuration = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What a request is about: everything, one group, or one option of a group. */
export interface Part { group?: string | undefined, option?: string | undefined }

/** One setting as it is kept. */
export interface Setting { group: string, option: string, value: unknown }

/** Upstream's defaults. */
export const DEFAULTS: Configuration = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost', user: null, suffix: 'cn=example,cn=com', query_scope: 'one', page_size: 0, alias_dereferencing: 'default', debug_level: null, chase_referrals: null,
    user_tree_dn: null, user_filter: null, user_objectclass: 'inetOrgPerson', user_id_attribute: 'cn', user_name_attribute: 'sn', user_mail_attribute: 'mail', user_description_attribute: 'description',
    user_pass_attribute: 'userPassword', user_enabled_attribute: 'enabled', user_enabled_invert: false, user_enabled_mask: 0, user_enabled_default: 'True', user_attribute_ignore: ['default_project_id'],
    user_default_project_id_attribute: null, user_enabled_emulation: false, user_enabled_emulation_dn: null, user_enabled_emulation_use_group_config: false, user_additional_attribute_mapping: [],
    group_tree_dn: null, group_filter: null, group_objectclass: 'groupOfNames', group_id_attribute: 'cn', group_name_attribute: 'ou', group_members_are_ids: false, group_member_attribute: 'member',
    group_desc_attribute: 'description', group_attribute_ignore: [], group_additional_attribute_mapping: [],
    tls_cacertfile: null, tls_cacertdir: null, use_tls: false, tls_req_cert: 'demand', use_pool: true, pool_size: 10, pool_retry_max: 3, pool_retry_delay: 0.1, pool_connection_timeout: -1, pool_connection_lifetime: 600,
    use_auth_pool: true, auth_pool_size: 100, auth_pool_connection_lifetime: 60,
  },
}

/** Options that are kept and never shown. */
const SENSITIVE: Readonly<Record<string, readonly string[]>> = { ldap: ['password'] }

/** What anybody may read of the site's rules for passwords, under the default domain. */
export const COMPLIANCE = ['password_regex', 'password_regex_description'] as const

/** True for an option that is never shown. */
export function isSensitive({ group, option }: Pick<Setting, 'group' | 'option'>): boolean {
  return SENSITIVE[group]?.includes(option) ?? false
}

/** Throws Fault('forbidden', 'keystone.domainConfiguration') for a group or option that upstream does not know either. */
export function checkPart({ group, option }: Part): void {
  if (group === undefined) return
  if (!Object.hasOwn(DEFAULTS, group)) throw refusedConfiguration(`Group ${group} is not supported for domain specific configurations`)
  if (option !== undefined && !Object.hasOwn(DEFAULTS[group]!, option) && !isSensitive({ group, option })) throw refusedConfiguration(`Option ${option} in group ${group} is not supported for domain specific configurations`)
}

/**
 * The settings of a request's `config`, which holds groups of options, or for one option just that. Throws Fault('forbidden',
 * 'keystone.domainConfiguration') when it is empty, of another shape, holds what is not known, or more or other than `part`.
 */
export function settingsOf(config: unknown, part: Part = {}): Setting[] {
  const asked = isMap(config) ? config : {}
  const groups = part.group !== undefined && part.option !== undefined ? { [part.group]: asked } : asked
  if (Object.keys(asked).length === 0) throw refusedConfiguration('No options specified')
  const settings = Object.entries(groups).flatMap(([group, options]) => {
    if (!isMap(options) || Object.keys(options).length === 0) throw refusedConfiguration(`The value of group ${group} specified in the config should be a dictionary of options`)
    return Object.entries(options).map(([option, value]) => {
      checkPart({ group, option })
      return { group, option, value }
    })
  })
  checkPart(part)
  checkWithin(settings, part)
  return settings
}

/** Settings as the API shows them, without the sensitive ones: by group, or for one option just that. */
export function shown(settings: readonly Setting[], { option }: Part = {}): Configuration | Record<string, unknown> {
  const open = settings.filter(setting => !isSensitive(setting))
  if (option !== undefined) return Object.fromEntries(open.map(setting => [setting.option, setting.value]))
  return Object.fromEntries([...Map.groupBy(open, setting => setting.group)].map(([group, list]) => [group, Object.fromEntries(list.map(setting => [setting.option, setting.value]))]))
}

/** The defaults of a part. Throws Fault('forbidden', 'keystone.domainConfiguration') for one that is not known, or is sensitive. */
export function defaultsOf(part: Part): ReturnType<typeof shown> {
  checkPart(part)
  const { group, option } = part
  if (group !== undefined && option !== undefined && isSensitive({ group, option })) throw refusedConfiguration(`Reading the default for option ${option} in group ${group} is not supported`)
  const all = Object.entries(DEFAULTS).flatMap(([name, options]) => Object.entries(options).map(([key, value]) => ({ group: name, option: key, value })))
  return shown(all.filter(setting => isWithin(setting, part)), part)
}

/** True when the part holds the setting. */
export function isWithin(setting: Setting, { group, option }: Part): boolean {
  return (group === undefined || setting.group === group) && (option === undefined || setting.option === option)
}

/** The refusal of a request about a configuration, in upstream's words. */
export function refusedConfiguration(why: string) {
  return refused('domainConfiguration', `Invalid domain specific configuration: ${why}.`)
}

function checkWithin(settings: readonly Setting[], { group, option }: Part): void {
  if (group === undefined) return
  const groups = [...new Set(settings.map(setting => setting.group))]
  const what = option === undefined ? `group ${group}` : `option ${option} in group ${group}`
  if (groups.length > 1 || option !== undefined && settings.length > 1) throw refusedConfiguration(`Trying to update ${what}, so that, and only that, ${option === undefined ? 'group' : 'option'} must be specified ${option === undefined ? '' : ' '}in the config`)
  if (groups[0] !== group) throw refusedConfiguration(`request to update group ${group}, but config provided contains group ${groups[0]} instead`)
  const other = settings[0]!.option
  if (option !== undefined && other !== option) throw refusedConfiguration(`Trying to update option ${option} in group ${group}, but config provided contains option ${other} instead`)
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

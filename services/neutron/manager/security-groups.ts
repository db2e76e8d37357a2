// Security groups and their rules: what may be made, changed and removed, and by whom.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Parsed } from '../model/attributes.ts'
import { neutronFault, notFound } from '../model/faults.ts'
import { egressMatches, matchOf, type SecurityGroup, type SecurityGroupRule, type SECURITY_GROUP_ATTRIBUTES, type SECURITY_GROUP_RULE_ATTRIBUTES } from '../model/security-groups.ts'
import { newStandard, revised } from '../model/standard.ts'
import * as base from '../policy/base.ts'
import * as rules from '../policy/security-groups.ts'
import * as hostRows from '../store/host-rows.ts'
import * as idempotency from '../store/idempotency.ts'
import * as quotas from '../store/quotas.ts'
import * as groups from '../store/security-groups.ts'
import type { Tx } from '../store/tables.ts'
import { authorizeAttributes, once, projectOf, repeatKey, useQuota, type Listing, type Page, type Target } from './access.ts'
import { defaultGroup } from './default-groups.ts'
import { defaultLimits, ringAfter, type Deps } from './deps.ts'
import { listVisible, type ListPlan } from './lists.ts'

/** A group with its rules. */
export type GroupWithRules = SecurityGroup & { readonly rules: readonly SecurityGroupRule[] }

/** A rule, and whether its group is a project's default one. */
export type RuleOfGroup = SecurityGroupRule & { readonly ofDefault: boolean }

type Said = Parsed<typeof SECURITY_GROUP_ATTRIBUTES>
type SaidRule = Parsed<typeof SECURITY_GROUP_RULE_ATTRIBUTES>

const PLAN: ListPlan<'security_groups'> = {
  table: 'security_groups', noun: 'security_group', rule: rules.GET_SECURITY_GROUP, columns: groups.FILTERS, special: groups.special, mine: groups.seenBy,
}
const RULE_PLAN: ListPlan<'security_group_rules'> = {
  table: 'security_group_rules', noun: 'security_group_rule', rule: rules.GET_SECURITY_GROUP_RULE, columns: groups.RULE_FILTERS,
  mine: groups.rulesSeenBy,
}

export type SecurityGroupManager = ReturnType<typeof securityGroupManager>
export type SecurityGroupRuleManager = ReturnType<typeof securityGroupRuleManager>

/** The groups of the ids, all of them, when the caller may see them or they are of the project that it acts for (Nova's ports). Throws Fault('notFound', 'neutron.SecurityGroupNotFound'). */
export async function visibleGroups(ctx: Context, tx: Tx, ids: readonly string[], actsFor?: string): Promise<SecurityGroup[]> {
  const found = await groups.findAll(tx, ids)
  for (const id of ids) {
    const group = found.find(one => one.id === id)
    if (!group || (group.projectId !== actsFor && !ctx.allowed(rules.GET_SECURITY_GROUP, groupTarget(group)))) throw notFound('security_group', id)
  }
  return found
}

function groupTarget(group: Pick<SecurityGroup, 'projectId'>): Target {
  return { project_id: group.projectId, tenant_id: group.projectId, shared: false }
}

function ruleTarget(group: SecurityGroup, projectId: string): Target {
  return { project_id: projectId, tenant_id: projectId, 'security_group:project_id': group.projectId, 'security_group:tenant_id': group.projectId, belongs_to_default_sg: group.isDefault }
}

/** The use cases of security groups. */
export function securityGroupManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function withRules(tx: Tx, list: readonly SecurityGroup[]): Promise<GroupWithRules[]> {
    const byGroup = Map.groupBy(await groups.listRules(tx, list.map(group => group.id)), rule => rule.securityGroupId)
    return list.map(group => ({ ...group, rules: byGroup.get(group.id) ?? [] }))
  }

  async function make(ctx: Context, tx: Tx, { values, given }: Said): Promise<SecurityGroup> {
    const projectId = projectOf(ctx, values)
    const group: SecurityGroup = {
      ...newStandard({ id: ids.uuid(), projectId, description: values.description, tags: values.tags }, clock.now()), name: values.name ?? '', stateful: values.stateful ?? true, isDefault: false,
    }
    ctx.authorize(rules.CREATE_SECURITY_GROUP, groupTarget(group))
    authorizeAttributes(ctx, given, { tags: rules.CREATE_SECURITY_GROUP_TAGS }, groupTarget(group))
    if (group.name.toLowerCase() === 'default') throw neutronFault('conflict', 'SecurityGroupDefaultAlreadyExists', 'Default security group already exists.')
    await defaultGroup(tx, deps, projectId)
    await groups.insert(tx, group)
    await groups.insertRules(tx, egressMatches().map(match => ({ ...newStandard({ id: ids.uuid(), projectId }, clock.now()), ...match, securityGroupId: group.id })))
    return group
  }

  return {
    async list(ctx: Context, request: Listing): Promise<Page<GroupWithRules>> {
      const own = ctx.credentials.projectId
      if (own !== undefined && !await db.read(tx => groups.findDefault(tx, own)) && ctx.allowed(rules.GET_SECURITY_GROUP, { project_id: own, shared: false })) {
        await db.write(tx => defaultGroup(tx, deps, own))
      }
      return db.read(async tx => {
        const { rows, more } = await listVisible(ctx, tx, PLAN, request)
        return { items: await withRules(tx, rows.map(groups.fromRow)), more }
      })
    },

    show: (ctx: Context, id: string): Promise<GroupWithRules> => db.read(async tx => {
      const [group] = await visibleGroups(ctx, tx, [id])
      ctx.authorize(rules.GET_SECURITY_GROUP, groupTarget(group!))
      return (await withRules(tx, [group!]))[0]!
    }),

    create: (ctx: Context, said: readonly Said[]): Promise<GroupWithRules[]> => db.write(async tx => {
      const made: SecurityGroup[] = []
      for (const [i, one] of said.entries()) {
        made.push(await once(tx, repeatKey(ctx, i), 'security_group', async id => {
          ctx.authorize(rules.CREATE_SECURITY_GROUP, { project_id: projectOf(ctx, one.values) })
          return groups.find(tx, id)
        }, async () => {
          const group = await make(ctx, tx, one)
          await useQuota(tx, deps, group.projectId, 'security_group_rule', 2)
          await useQuota(tx, deps, group.projectId, 'security_group', 1)
          return group
        }))
      }
      return withRules(tx, made)
    }),

    update: (ctx: Context, id: string, { values }: Said): Promise<GroupWithRules> => db.write(async tx => {
      const [group] = await visibleGroups(ctx, tx, [id])
      ctx.authorize(rules.UPDATE_SECURITY_GROUP, groupTarget(group!))
      if (group!.isDefault && values.name !== undefined && values.name !== group!.name) throw neutronFault('conflict', 'SecurityGroupCannotUpdateDefault', 'Updating default security group not allowed.')
      if (!group!.isDefault && values.name?.toLowerCase() === 'default') throw neutronFault('conflict', 'SecurityGroupDefaultAlreadyExists', 'Default security group already exists.')
      const next = revised(group!, { name: values.name ?? group!.name, description: values.description ?? group!.description, stateful: values.stateful ?? group!.stateful }, clock.now())
      await groups.update(tx, next)
      return (await withRules(tx, [next]))[0]!
    }),

    async remove(ctx: Context, id: string): Promise<void> {
      try {
        await db.write(async tx => {
          const [group] = await visibleGroups(ctx, tx, [id])
          ctx.authorize(rules.DELETE_SECURITY_GROUP, groupTarget(group!))
          if (group!.isDefault && !ctx.allowed(base.CONTEXT_IS_ADMIN, {})) throw neutronFault('conflict', 'SecurityGroupCannotRemoveDefault', 'Insufficient rights for removing default security group.')
          const holders = await groups.somePortsIn(tx, id)
          if (holders.length) throw groupInUse(id, `in use by ports ${holders.join(', ')}`)
          const own = await groups.listRules(tx, [id])
          const naming = (await groups.rulesNaming(tx, id)).filter(rule => rule.securityGroupId !== id)
          const concerned = await groups.portsNaming(tx, [id])
          await groups.remove(tx, id)
          await idempotency.removeOf(tx, id)
          ringAfter(tx, deps, await hostRows.touched(tx, 'port', concerned))
          for (const rule of [...own, ...naming]) await quotas.use(tx, rule.projectId, 'security_group_rule', -1, defaultLimits(deps.options))
          await quotas.use(tx, group!.projectId, 'security_group', -1, defaultLimits(deps.options))
        })
      } catch (error) {
        throw isForeignKeyViolation(error) ? groupInUse(id, 'in use') : error
      }
    },
  }
}

/** The use cases of rules. */
export function securityGroupRuleManager(deps: Deps) {
  const { db, clock, ids } = deps

  async function visibleRule(ctx: Context, tx: Tx, id: string): Promise<{ rule: SecurityGroupRule, group: SecurityGroup }> {
    const rule = await groups.findRule(tx, id)
    const group = rule && await groups.find(tx, rule.securityGroupId)
    if (!group || !ctx.allowed(rules.GET_SECURITY_GROUP_RULE, ruleTarget(group, rule.projectId))) throw notFound('security_group_rule', id)
    return { rule, group }
  }

  async function make(ctx: Context, tx: Tx, { values }: SaidRule): Promise<RuleOfGroup> {
    const [group] = await visibleGroups(ctx, tx, [values.security_group_id!])
    const projectId = values.project_id ?? values.tenant_id ?? group!.projectId
    ctx.authorize(rules.CREATE_SECURITY_GROUP_RULE, ruleTarget(group!, projectId))
    const match = matchOf(values)
    if (match.remoteGroupId !== null) await visibleGroups(ctx, tx, [match.remoteGroupId])
    const rule: SecurityGroupRule = { ...newStandard({ id: ids.uuid(), projectId, description: values.description }, clock.now()), ...match, securityGroupId: group!.id }
    const same = await groups.findSameRule(tx, rule)
    if (same !== undefined) throw ruleExists(same)
    await groups.insertRules(tx, [rule])
    await groups.update(tx, revised(group!, {}, clock.now()))
    ringAfter(tx, deps, await hostRows.touched(tx, 'port', await groups.portsIn(tx, group!.id)))
    await useQuota(tx, deps, projectId, 'security_group_rule', 1)
    return { ...rule, ofDefault: group!.isDefault }
  }

  return {
    list: (ctx: Context, request: Listing): Promise<Page<RuleOfGroup>> => db.read(async tx => {
      const { rows, more } = await listVisible(ctx, tx, RULE_PLAN, request)
      const defaults = new Set((await groups.findAll(tx, [...new Set(rows.map(row => row.security_group_id))])).filter(group => group.isDefault).map(group => group.id))
      return { items: rows.map(row => ({ ...groups.ruleFromRow(row), ofDefault: defaults.has(row.security_group_id) })), more }
    }),

    show: (ctx: Context, id: string): Promise<RuleOfGroup> => db.read(async tx => {
      const { rule, group } = await visibleRule(ctx, tx, id)
      ctx.authorize(rules.GET_SECURITY_GROUP_RULE, ruleTarget(group, rule.projectId))
      return { ...rule, ofDefault: group.isDefault }
    }),

    async create(ctx: Context, said: readonly SaidRule[]): Promise<RuleOfGroup[]> {
      try {
        return await db.write(async tx => {
          const made: RuleOfGroup[] = []
          for (const [i, one] of said.entries()) {
            made.push(await once(tx, repeatKey(ctx, i), 'security_group_rule', async id => {
              const { rule, group } = await visibleRule(ctx, tx, id)
              ctx.authorize(rules.CREATE_SECURITY_GROUP_RULE, ruleTarget(group, rule.projectId))
              return { ...rule, ofDefault: group.isDefault }
            }, () => make(ctx, tx, one)))
          }
          return made
        })
      } catch (error) {
        throw isUniqueViolation(error, 'rule_key') ? ruleExists('made at the same moment') : error
      }
    },

    remove: (ctx: Context, id: string): Promise<void> => db.write(async tx => {
      const { rule, group } = await visibleRule(ctx, tx, id)
      ctx.authorize(rules.DELETE_SECURITY_GROUP_RULE, ruleTarget(group, rule.projectId))
      await groups.removeRule(tx, id)
      await groups.update(tx, revised(group, {}, clock.now()))
      await idempotency.removeOf(tx, id)
      ringAfter(tx, deps, await hostRows.touched(tx, 'port', await groups.portsIn(tx, group.id)))
      await quotas.use(tx, rule.projectId, 'security_group_rule', -1, defaultLimits(deps.options))
    }),
  }
}

function groupInUse(id: string, reason: string): Error {
  return neutronFault('conflict', 'SecurityGroupInUse', `Security Group ${id} ${reason}.`)
}

function ruleExists(id: string): Error {
  return neutronFault('conflict', 'SecurityGroupRuleExists', `Security group rule already exists. Rule id is ${id}.`)
}

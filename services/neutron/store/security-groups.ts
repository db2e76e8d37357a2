// SQL for security groups and their rules.
import { sql } from '@alto/kit/db'
import { ruleKey, type Ethertype, type SecurityGroup, type SecurityGroupRule } from '../model/security-groups.ts'
import { STANDARD_FILTERS, type Column, type Condition } from './listing.ts'
import { standardOf, standardRow } from './standard.ts'
import type { SecurityGroupRow, SecurityGroupRuleRow, Tx } from './tables.ts'

/** What lists of groups may be filtered and sorted by. */
export const FILTERS: Readonly<Record<string, Column>> = { ...STANDARD_FILTERS, name: { column: 'name', kind: 'text' }, stateful: { column: 'stateful', kind: 'boolean' } }

/** The condition on rows that a project is shown: its own. */
export function seenBy(project: string): Condition {
  return sql<boolean>`project_id = ${project}`
}

/** The condition on rules that a project is shown: those of its groups. */
export function rulesSeenBy(project: string): Condition {
  return sql<boolean>`security_group_id in (select id from security_groups where project_id = ${project})`
}

/** Filters by names that are no columns: no group is shared. */
export function special(name: string, values: readonly string[]): Condition | undefined {
  return name === 'shared' ? sql<boolean>`${Number(!values.some(value => /^(true|1)$/i.test(value)))} = 1` : undefined
}

/** What lists of rules may be filtered and sorted by. */
export const RULE_FILTERS: Readonly<Record<string, Column>> = {
  ...STANDARD_FILTERS, security_group_id: { column: 'security_group_id', kind: 'text' }, direction: { column: 'direction', kind: 'text' }, ethertype: { column: 'ethertype', kind: 'text' },
  protocol: { column: 'protocol', kind: 'text' }, port_range_min: { column: 'port_range_min', kind: 'integer' }, port_range_max: { column: 'port_range_max', kind: 'integer' },
  remote_ip_prefix: { column: 'remote_ip_prefix', kind: 'text' }, remote_group_id: { column: 'remote_group_id', kind: 'text' },
}

/** The group, or undefined. */
export async function find(tx: Tx, id: string): Promise<SecurityGroup | undefined> {
  return (await findAll(tx, [id]))[0]
}

/** The groups of the ids. */
export async function findAll(tx: Tx, ids: readonly string[]): Promise<SecurityGroup[]> {
  if (ids.length === 0) return []
  return (await tx.selectFrom('security_groups').selectAll().where('id', 'in', ids).execute()).map(fromRow)
}

/** The project's default group, or undefined. */
export async function findDefault(tx: Tx, projectId: string): Promise<SecurityGroup | undefined> {
  const row = await tx.selectFrom('security_groups').selectAll().where('project_id', '=', projectId).where('is_default', '=', 1).executeTakeFirst()
  return row && fromRow(row)
}

/** Adds a group. False when it is a second default group of its project: nothing was added then. */
export async function insert(tx: Tx, group: SecurityGroup): Promise<boolean> {
  const row = await tx.insertInto('security_groups').values(toRow(group)).onConflict(c => c.doNothing()).returning('id').executeTakeFirst()
  return row !== undefined
}

/** Writes all of the group's columns. */
export async function update(tx: Tx, group: SecurityGroup): Promise<void> {
  await tx.updateTable('security_groups').set(toRow(group)).where('id', '=', group.id).execute()
}

/** Removes it with its rules, and rules elsewhere that name it. Breaks a foreign key while a port is in it. */
export async function remove(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('security_groups').where('id', '=', id).execute()
}

/** Some ports in the group. */
export async function somePortsIn(tx: Tx, id: string): Promise<string[]> {
  return (await tx.selectFrom('port_security_groups').select('port_id').where('security_group_id', '=', id).orderBy('port_id').limit(5).execute()).map(row => row.port_id)
}

/** The ports in groups with rules that name one of the groups: their packet rules follow from who is in it. */
export async function portsNaming(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await tx.selectFrom('security_group_rules as r').innerJoin('port_security_groups as g', 'g.security_group_id', 'r.security_group_id').select('g.port_id').distinct()
    .where('r.remote_group_id', 'in', ids).execute()
  return rows.map(row => row.port_id)
}

/** The ports in the group. */
export async function portsIn(tx: Tx, id: string): Promise<string[]> {
  return (await tx.selectFrom('port_security_groups').select('port_id').where('security_group_id', '=', id).execute()).map(row => row.port_id)
}

/** The addresses of the groups' members, by group. */
export async function membersOf(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  if (ids.length === 0) return new Map()
  const own = await tx.selectFrom('port_security_groups as g').innerJoin('ip_allocations as a', 'a.port_id', 'g.port_id').select(['g.security_group_id as id', 'a.address']).where('g.security_group_id', 'in', ids).execute()
  return new Map([...Map.groupBy(own, row => row.id)].map(([id, rows]) => [id, rows.map(row => row.address)]))
}

/** The rule, or undefined. */
export async function findRule(tx: Tx, id: string): Promise<SecurityGroupRule | undefined> {
  const row = await tx.selectFrom('security_group_rules').selectAll().where('id', '=', id).executeTakeFirst()
  return row && ruleFromRow(row)
}

/** The rules of the groups, the oldest first. */
export async function listRules(tx: Tx, groupIds: readonly string[]): Promise<SecurityGroupRule[]> {
  if (groupIds.length === 0) return []
  return (await tx.selectFrom('security_group_rules').selectAll().where('security_group_id', 'in', groupIds).orderBy('created_at').orderBy('id').execute()).map(ruleFromRow)
}

/** Rules elsewhere that name the group. */
export async function rulesNaming(tx: Tx, groupId: string): Promise<SecurityGroupRule[]> {
  return (await tx.selectFrom('security_group_rules').selectAll().where('remote_group_id', '=', groupId).execute()).map(ruleFromRow)
}

/** The id of the rule of the same group that lets the same packets pass. */
export async function findSameRule(tx: Tx, rule: SecurityGroupRule): Promise<string | undefined> {
  return (await tx.selectFrom('security_group_rules').select('id').where('security_group_id', '=', rule.securityGroupId).where('rule_key', '=', ruleKey(rule)).executeTakeFirst())?.id
}

/** Adds rules. Breaks `security_group_rules_key`. */
export async function insertRules(tx: Tx, rules: readonly SecurityGroupRule[]): Promise<void> {
  await tx.insertInto('security_group_rules').values(rules.map(ruleToRow)).execute()
}

/** Removes a rule. */
export async function removeRule(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('security_group_rules').where('id', '=', id).execute()
}

/** The group of a row. */
export function fromRow(row: SecurityGroupRow): SecurityGroup {
  return { ...standardOf(row), name: row.name, stateful: row.stateful === 1, isDefault: row.is_default === 1 }
}

/** The rule of a row. */
export function ruleFromRow(row: SecurityGroupRuleRow): SecurityGroupRule {
  return {
    ...standardOf(row), securityGroupId: row.security_group_id, direction: row.direction as SecurityGroupRule['direction'], ethertype: row.ethertype as Ethertype, protocol: row.protocol,
    portRangeMin: row.port_range_min, portRangeMax: row.port_range_max, remoteIpPrefix: row.remote_ip_prefix, remoteGroupId: row.remote_group_id,
  }
}

function toRow(g: SecurityGroup): SecurityGroupRow {
  return { ...standardRow(g), name: g.name, stateful: Number(g.stateful), is_default: Number(g.isDefault) }
}

function ruleToRow(r: SecurityGroupRule): SecurityGroupRuleRow {
  return {
    ...standardRow(r), security_group_id: r.securityGroupId, direction: r.direction, ethertype: r.ethertype, protocol: r.protocol, port_range_min: r.portRangeMin, port_range_max: r.portRangeMax,
    remote_ip_prefix: r.remoteIpPrefix, remote_group_id: r.remoteGroupId, rule_key: ruleKey(r),
  }
}

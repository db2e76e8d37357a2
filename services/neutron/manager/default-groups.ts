// Each project's default security group: made when it is first needed, once, whoever comes first.
import type { SecurityGroup } from '../model/security-groups.ts'
import { defaultMatches } from '../model/security-groups.ts'
import { newStandard } from '../model/standard.ts'
import * as quotas from '../store/quotas.ts'
import * as groups from '../store/security-groups.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** The project's default group. The unique index on the project decides which of two that come at once makes it. */
export async function defaultGroup(tx: Tx, deps: Deps, projectId: string): Promise<SecurityGroup> {
  const known = await groups.findDefault(tx, projectId)
  if (known) return known
  const group: SecurityGroup = {
    ...newStandard({ id: deps.ids.uuid(), projectId, description: 'Default security group' }, deps.clock.now()), name: 'default', stateful: true, isDefault: true,
  }
  if (!await groups.insert(tx, group)) return (await groups.findDefault(tx, projectId))!
  const rules = defaultMatches(group.id).map(match => ({ ...newStandard({ id: deps.ids.uuid(), projectId }, deps.clock.now()), ...match, securityGroupId: group.id }))
  await groups.insertRules(tx, rules)
  await quotas.count(tx, projectId, 'security_group', 1)
  await quotas.count(tx, projectId, 'security_group_rule', rules.length)
  return group
}

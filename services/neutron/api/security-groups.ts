// /security-groups and /security-group-rules.
import type { Context } from '@alto/kit/context'
import type { AnyRoute } from '@alto/kit/http'
import type { GroupWithRules, RuleOfGroup, SecurityGroupManager, SecurityGroupRuleManager } from '../manager/security-groups.ts'
import { SECURITY_GROUP_ATTRIBUTES, SECURITY_GROUP_RULE_ATTRIBUTES } from '../model/security-groups.ts'
import * as rules from '../policy/security-groups.ts'
import { collectionRoutes } from './collection.ts'
import { standardView } from './standard.ts'

/** The routes of security groups. */
export function securityGroupRoutes(manager: SecurityGroupManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'security_group', plural: 'security_groups', path: 'security-groups', words: 'security group', attributes: SECURITY_GROUP_ATTRIBUTES, manager, view,
    rules: { list: rules.GET_SECURITY_GROUP, create: rules.CREATE_SECURITY_GROUP, update: rules.UPDATE_SECURITY_GROUP, remove: rules.DELETE_SECURITY_GROUP },
  })
}

/** The routes of their rules. */
export function securityGroupRuleRoutes(manager: SecurityGroupRuleManager): AnyRoute[] {
  return collectionRoutes({
    singular: 'security_group_rule', plural: 'security_group_rules', path: 'security-group-rules', words: 'security group rule', attributes: SECURITY_GROUP_RULE_ATTRIBUTES,
    manager, view: ruleView, rules: { list: rules.GET_SECURITY_GROUP_RULE, create: rules.CREATE_SECURITY_GROUP_RULE, remove: rules.DELETE_SECURITY_GROUP_RULE },
  })
}

function view(ctx: Context, g: GroupWithRules) {
  return {
    ...standardView(g), name: g.name, stateful: g.stateful, shared: false, security_group_rules: g.rules.map(rule => ruleView(ctx, { ...rule, ofDefault: g.isDefault })),
  }
}

function ruleView(_ctx: Context, r: RuleOfGroup) {
  return {
    ...standardView(r), security_group_id: r.securityGroupId, direction: r.direction, ethertype: r.ethertype, protocol: r.protocol, port_range_min: r.portRangeMin, port_range_max: r.portRangeMax,
    remote_ip_prefix: r.remoteIpPrefix, normalized_cidr: r.remoteIpPrefix, remote_group_id: r.remoteGroupId, remote_address_group_id: null, belongs_to_default_sg: r.ofDefault,
  }
}

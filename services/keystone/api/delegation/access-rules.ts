// /users/{user_id}/access_rules.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { AccessRuleManager } from '../../manager/delegation/access-rules.ts'
import type { AccessRule } from '../../model/delegation/access-rules.ts'
import * as rules from '../../policy/delegation/access-rules.ts'
import { listOf, self } from '../links.ts'

const ofUser = t.object({ user_id: t.id() })
const ofUserById = t.object({ user_id: t.id(), id: t.id() })

/** The routes of access rules. */
export function accessRuleRoutes(accessRules: AccessRuleManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/users/{user_id}/access_rules', rule: rules.LIST_ACCESS_RULES, status: 200, summary: 'List access rules', params: ofUser,
      query: t.open({ service: t.optional(t.string()), path: t.optional(t.string()), method: t.optional(t.string()) }),
      handle: async ({ ctx, params, query, url }) =>
        listOf(ctx, 'access_rules', `users/${params.user_id}/access_rules${url.search}`, (await accessRules.list(ctx, params.user_id, { service: query.service, path: query.path, method: query.method })).map(rule => viewAccessRule(ctx, rule))),
    }),
    route({
      method: 'GET', path: '/v3/users/{user_id}/access_rules/{id}', rule: rules.GET_ACCESS_RULE, status: 200, summary: 'Show access rule details', params: ofUserById,
      handle: async ({ ctx, params }) => ({ access_rule: viewAccessRule(ctx, await accessRules.show(ctx, params.user_id, params.id)) }),
    }),
    route({
      method: 'DELETE', path: '/v3/users/{user_id}/access_rules/{id}', rule: rules.DELETE_ACCESS_RULE, status: 204, summary: 'Delete access rule', params: ofUserById,
      handle: async ({ ctx, params }) => accessRules.remove(ctx, params.user_id, params.id),
    }),
  ]
}

function viewAccessRule(ctx: Context, rule: AccessRule) {
  return { id: rule.id, service: rule.service, path: rule.path, method: rule.method, links: self(ctx, `users/${rule.userId}/access_rules/${rule.id}`) }
}

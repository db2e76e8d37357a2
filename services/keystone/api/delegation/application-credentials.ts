// /users/{user_id}/application_credentials.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ApplicationCredentialManager, ShownCredential } from '../../manager/delegation/application-credentials.ts'
import type { AccessRuleText } from '../../model/delegation/access-rules.ts'
import { writtenMoment } from '../../model/delegation/moments.ts'
import { invalid } from '../../model/faults.ts'
import * as rules from '../../policy/delegation/application-credentials.ts'
import { description, listOf, name, self } from '../links.ts'

const ofUser = t.object({ user_id: t.id() })
const ofUserById = t.object({ user_id: t.id(), id: t.id() })
/** A role by id or name. */
export const roleNamed = t.union(t.object({ id: t.id() }), t.object({ name }))
/** By its id, or in words; which of them is looked at where it is read, so that what is wrong with the words is said. */
const accessRule = t.object({
  id: t.optional(t.id()), service: t.optional(t.id()), path: t.optional(t.string({ max: 225, pattern: '^/' })), method: t.optional(t.oneOf('DELETE', 'GET', 'HEAD', 'PATCH', 'POST', 'PUT')),
})
const created = t.object({
  name, description: t.optional(t.nullable(description)), secret: t.optional(t.nullable(t.string({ max: 4096 }))), expires_at: t.optional(t.nullable(t.string())),
  unrestricted: t.optional(t.nullable(t.boolean())), roles: t.optional(t.array(roleNamed, { max: 100 })), access_rules: t.optional(t.array(accessRule, { max: 200 })),
  id: t.optional(t.string()), project_id: t.optional(t.string()), system: t.optional(t.nullable(t.string())),                     // may be sent, and say nothing
})

/** The routes of application credentials. */
export function applicationCredentialRoutes(credentials: ApplicationCredentialManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/users/{user_id}/application_credentials', rule: rules.LIST_APPLICATION_CREDENTIALS, status: 200, summary: 'List application credentials', params: ofUser,
      query: t.open({ name: t.optional(t.string()) }),
      handle: async ({ ctx, params, query, url }) => listOf(ctx, 'application_credentials', `users/${params.user_id}/application_credentials${url.search}`, (await credentials.list(ctx, params.user_id, query.name)).map(c => view(ctx, c))),
    }),
    route({
      method: 'POST', path: '/v3/users/{user_id}/application_credentials', rule: rules.CREATE_APPLICATION_CREDENTIAL, status: 201, summary: 'Create application credential', params: ofUser,
      body: t.object({ application_credential: created }),
      async handle({ ctx, params, body: { application_credential: b } }) {
        const made = await credentials.create(ctx, params.user_id, {
          name: b.name, description: b.description ?? null, secret: b.secret ?? null, expiresAt: b.expires_at ?? null, unrestricted: b.unrestricted ?? null, roles: b.roles ?? [], accessRules: (b.access_rules ?? []).map(ruleNamed),
        })
        return { application_credential: { ...view(ctx, made), secret: made.secret } }
      },
    }),
    route({
      method: 'GET', path: '/v3/users/{user_id}/application_credentials/{id}', rule: rules.GET_APPLICATION_CREDENTIAL, status: 200, summary: 'Show application credential details', params: ofUserById,
      handle: async ({ ctx, params }) => ({ application_credential: view(ctx, await credentials.show(ctx, params.user_id, params.id)) }),
    }),
    route({
      method: 'DELETE', path: '/v3/users/{user_id}/application_credentials/{id}', rule: rules.DELETE_APPLICATION_CREDENTIAL, status: 204, summary: 'Delete application credential', params: ofUserById,
      handle: async ({ ctx, params }) => credentials.remove(ctx, params.user_id, params.id),
    }),
  ]
}

function ruleNamed({ id, service, path, method }: Partial<AccessRuleText> & { id?: string }): { id: string } | AccessRuleText {
  if (id !== undefined) return { id }
  if (service === undefined || path === undefined || method === undefined) throw invalid('accessRule.words', 'An access rule is named by its id, or by service, path and method.')
  return { service, path, method }
}

function view(ctx: Context, { credential: c, roles }: ShownCredential) {
  return {
    id: c.id, name: c.name, description: c.description, user_id: c.userId, project_id: c.projectId, system: null, expires_at: c.expiresAt === null ? null : writtenMoment(c.expiresAt), unrestricted: c.unrestricted,
    roles: roles.map(role => ({ id: role.id, name: role.name, domain_id: role.domainId, description: role.description, options: role.options })),
    ...(c.accessRules.length > 0 && { access_rules: c.accessRules.map(rule => ({ id: rule.id, service: rule.service, path: rule.path, method: rule.method })) }),
    links: self(ctx, `users/${c.userId}/application_credentials/${c.id}`),
  }
}

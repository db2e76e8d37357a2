// /credentials.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { CredentialManager, ShownCredential } from '../../manager/credentials/credentials.ts'
import { isEc2 } from '../../model/credentials/credentials.ts'
import { invalid } from '../../model/faults.ts'
import * as rules from '../../policy/credentials/credentials.ts'
import { pageOf } from '../filters.ts'
import { byId, extraOf, PASSCODE, self } from '../links.ts'

const blob = t.string({ max: 65_535 })
const KNOWN = ['blob', 'type', 'user_id', 'project_id']

/** The routes of credentials. */
export function credentialRoutes(credentials: CredentialManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v3/credentials', rule: rules.LIST_CREDENTIALS, status: 200, summary: 'List credentials', query: t.open({ user_id: t.optional(t.string()), type: t.optional(t.string()) }),
      handle: async ({ ctx, query, url }) => pageOf(ctx, url, 'credentials', { items: await credentials.list(ctx, { userId: query.user_id, type: query.type }), more: false }, c => view(ctx, c)),
    }),
    route({
      method: 'POST', path: '/v3/credentials', rule: rules.CREATE_CREDENTIAL, status: 201, summary: 'Create credential',
      body: t.open({ credential: t.open({ blob, type: t.string({ min: 1 }), user_id: t.id(), project_id: t.optional(t.nullable(t.id())) }) }),
      async handle({ ctx, body: { credential: given }, headers }) {
        if (isEc2(given.type) && given.project_id === undefined) throw invalid('credential.project', "'project_id' is a required property")
        const input = { userId: given.user_id, projectId: given.project_id ?? null, type: given.type, blob: given.blob, extra: extraOf(given, KNOWN) }
        return { credential: view(ctx, await credentials.create(ctx, input, headers[PASSCODE])) }
      },
    }),
    route({
      method: 'GET', path: '/v3/credentials/{id}', rule: rules.GET_CREDENTIAL, status: 200, summary: 'Show credential details', params: byId,
      handle: async ({ ctx, params }) => ({ credential: view(ctx, await credentials.show(ctx, params.id)) }),
    }),
    route({
      method: 'PATCH', path: '/v3/credentials/{id}', rule: rules.UPDATE_CREDENTIAL, status: 200, summary: 'Update credential', params: byId, body: t.open({ credential: t.object({ blob }) }),
      handle: async ({ ctx, params, body, headers }) => ({ credential: view(ctx, await credentials.update(ctx, params.id, body.credential.blob, headers[PASSCODE])) }),
    }),
    route({
      method: 'DELETE', path: '/v3/credentials/{id}', rule: rules.DELETE_CREDENTIAL, status: 204, summary: 'Delete credential', params: byId,
      handle: async ({ ctx, params, headers }) => credentials.remove(ctx, params.id, headers[PASSCODE]),
    }),
  ]
}

function view(ctx: Context, { id, userId, projectId, type, blob, extra }: ShownCredential) {
  return { ...extra, id, user_id: userId, project_id: projectId, type, ...(blob !== undefined && { blob }), links: self(ctx, `credentials/${id}`) }
}

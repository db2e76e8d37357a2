// /users/{id}/credentials/OS-EC2, /ec2tokens and /s3tokens.
import type { Context } from '@alto/kit/context'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { CredentialManager } from '../../manager/credentials/credentials.ts'
import type { SignatureManager } from '../../manager/credentials/signatures.ts'
import type { EndpointManager } from '../../manager/catalog/endpoints.ts'
import type { Issued } from '../../manager/tokens/tokens.ts'
import { readEc2Blob, type Credential } from '../../model/credentials/credentials.ts'
import { invalid } from '../../model/faults.ts'
import * as rules from '../../policy/credentials/ec2.ts'
import { root } from '../discovery.ts'
import { byId, listOf, self } from '../links.ts'

const byAccess = t.object({ id: t.id(), access: t.id() })
const texts = t.map(t.union(t.string({ max: 8192 }), t.integer(), t.boolean()), { max: 200 })
const signed = t.open({
  access: t.optional(t.string()), signature: t.optional(t.string({ max: 1024 })),
  // of a request with an EC2 API
  host: t.optional(t.string()), verb: t.optional(t.string({ max: 16 })), path: t.optional(t.string({ max: 8192 })), body_hash: t.optional(t.string()), params: t.optional(texts), headers: t.optional(texts),
  // of a request to an object store: what was signed, in URL-safe base64
  token: t.optional(t.string({ max: 65_535 })),
})
const signedBody = t.open({ credentials: t.optional(signed), credential: t.optional(signed), ec2Credentials: t.optional(signed) })

/** The routes of EC2 credentials and of what was signed with them. */
export function ec2Routes({ credentials, signatures, endpoints }: { credentials: CredentialManager, signatures: SignatureManager, endpoints: EndpointManager }): AnyRoute[] {
  async function body(ctx: Context, { verdict: { body: token } }: Issued) {
    return { token: { ...token, catalog: await endpoints.catalog({ base: root(ctx), userId: token.user.id, projectId: token.project?.id }) } }
  }

  return [
    route({
      method: 'GET', path: '/v3/users/{id}/credentials/OS-EC2', rule: rules.EC2_LIST_CREDENTIALS, status: 200, summary: 'List EC2 credentials of user', params: byId,
      handle: async ({ ctx, params }) => listOf(ctx, 'credentials', pathOf(params.id), (await credentials.listEc2(ctx, params.id)).map(c => view(ctx, c))),
    }),
    route({
      method: 'POST', path: '/v3/users/{id}/credentials/OS-EC2', rule: rules.EC2_CREATE_CREDENTIAL, status: 201, summary: 'Create EC2 credential', params: byId, body: t.open({ tenant_id: t.id() }),
      handle: async ({ ctx, params, body }) => ({ credential: view(ctx, await credentials.createEc2(ctx, params.id, body.tenant_id)) }),
    }),
    route({
      method: 'GET', path: '/v3/users/{id}/credentials/OS-EC2/{access}', rule: rules.EC2_GET_CREDENTIAL, status: 200, summary: 'Show EC2 credential', params: byAccess,
      handle: async ({ ctx, params }) => ({ credential: view(ctx, await credentials.showEc2(ctx, { userId: params.id, access: params.access })) }),
    }),
    route({
      method: 'DELETE', path: '/v3/users/{id}/credentials/OS-EC2/{access}', rule: rules.EC2_DELETE_CREDENTIAL, status: 204, summary: 'Delete EC2 credential', params: byAccess,
      handle: async ({ ctx, params }) => credentials.removeEc2(ctx, { userId: params.id, access: params.access }),
    }),
    route({
      method: 'POST', path: '/v3/ec2tokens', rule: rules.EC2TOKENS_VALIDATE, status: 200, summary: 'Authenticate by an EC2 signature', body: signedBody,
      async handle({ ctx, body: given }) {
        const { access, request } = requestOf(given)
        const issued = await signatures.fromRequest(ctx, access, request)
        return answer(await body(ctx, issued), { headers: { 'x-subject-token': issued.token, vary: 'X-Auth-Token' } })
      },
    }),
    route({
      method: 'POST', path: '/v3/s3tokens', rule: rules.S3TOKENS_VALIDATE, status: 200, summary: 'Authenticate by an S3 signature', body: signedBody,
      async handle({ ctx, body: given }) {
        const { access, signature = '', token = '' } = described(given)
        return answer(await body(ctx, await signatures.fromText(ctx, access, { signature, text: Buffer.from(token, 'base64url') })), { headers: { vary: 'X-Auth-Token' } })
      },
    }),
  ]
}

type Texts = Readonly<Record<string, string | number | boolean>>
interface Described { access?: string, signature?: string, host?: string, verb?: string, path?: string, body_hash?: string, params?: Texts, headers?: Texts, token?: string }
interface SignedBody { credentials?: Described, credential?: Described, ec2Credentials?: Described }

/** Under any of the names that callers have for it. */
function described(body: SignedBody): Described {
  if (Object.keys(body).length === 0) throw invalid('ec2.body', 'request must include a request body')
  return body.credentials ?? body.credential ?? body.ec2Credentials ?? {}
}

function requestOf(body: SignedBody) {
  const { access, signature = '', host = '', verb = '', path = '', body_hash: bodyHash = '', params = {}, headers = {} } = described(body)
  const asTexts = (values: Texts) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
  return { access, request: { signature, host, verb, path, bodyHash, params: asTexts(params), headers: asTexts(headers) } }
}

function view(ctx: Context, { userId, projectId, blob }: Credential) {
  const { access, secret, trust_id } = readEc2Blob(blob)
  return { user_id: userId, tenant_id: projectId, access, secret, trust_id, links: self(ctx, `${pathOf(userId)}/${access}`) }
}

function pathOf(userId: string): string {
  return `users/${userId}/credentials/OS-EC2`
}

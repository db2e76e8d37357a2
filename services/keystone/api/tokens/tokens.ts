// /auth: tokens, and what their bearers could choose.
import type { Context } from '@alto/kit/context'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { EndpointManager } from '../../manager/catalog/endpoints.ts'
import type { ProjectManager } from '../../manager/projects/projects.ts'
import type { AuthenticationManager, ScopeRequest } from '../../manager/tokens/authentication.ts'
import type { Named } from '../../manager/methods/method.ts'
import type { TokenManager, Verdict } from '../../manager/tokens/tokens.ts'
import { expected, invalid, notFound } from '../../model/faults.ts'
import * as rules from '../../policy/tokens/tokens.ts'
import { root } from '../discovery.ts'
import { listOf } from '../links.ts'
import { viewDomain, viewProject } from '../projects/projects.ts'

const named = { id: t.optional(t.string()), name: t.optional(t.string()), domain: t.optional(t.open({ id: t.optional(t.string()), name: t.optional(t.string()) })) }
const authBody = t.open({ auth: t.open({
  identity: t.open({
    methods: t.array(t.string(), { max: 8 }),
    password: t.optional(t.open({ user: t.open({ ...named, password: t.string({ max: 4096 }) }) })),
    application_credential: t.optional(t.open({ id: t.optional(t.string()), name: t.optional(t.string()), secret: t.optional(t.string({ max: 4096 })), user: t.optional(t.open(named)) })),
    token: t.optional(t.open({ id: t.string({ min: 1, max: 4096 }) })),
    totp: t.optional(t.open({ user: t.open({ ...named, passcode: t.string() }) })),
  }),
  scope: t.optional(t.union(t.literal('unscoped'), t.open({
    project: t.optional(t.open(named)), domain: t.optional(t.open(named)), unscoped: t.optional(t.anything()), system: t.optional(t.open({ all: t.optional(t.boolean()) })),
    'OS-TRUST:trust': t.optional(t.open({ id: t.optional(t.string()) })),
  }))),
}) })
/** Names under which one listener is reached; those beyond are written anew each time. */
const BASES = 8
const nocatalog = t.open({ nocatalog: t.optional(t.string()) })

/** The routes of tokens and of what their bearers could choose. */
export function tokenRoutes(deps: { tokens: TokenManager, authentication: AuthenticationManager, endpoints: EndpointManager, projects: ProjectManager, domains: ProjectManager }): AnyRoute[] {
  const { tokens, authentication, endpoints, projects, domains } = deps

  const written = new WeakMap<Verdict, Map<string, string>>()

  /** The token's body as JSON, written once for a verdict: the catalog is most of it, and whatever changes it drops the verdict. */
  async function body(ctx: Context, verdict: Verdict, without: boolean): Promise<string> {
    const { body: token } = verdict
    if (without || !token.roles) return JSON.stringify({ token })
    const base = root(ctx)
    const known = written.get(verdict) ?? new Map<string, string>()
    const text = known.get(base) ?? JSON.stringify({ token: { ...token, catalog: await endpoints.catalog({ base, userId: token.user.id, projectId: token.project?.id }) } })
    if (known.size < BASES) written.set(verdict, known.set(base, text))
    return text
  }

  function shown(text: string, token: string) {
    return answer(text, { headers: { 'content-type': 'application/json', 'x-subject-token': token, vary: 'X-Auth-Token' } })
  }

  /** The token in X-Subject-Token, when the caller may ask about it; one with access rules only for callers that keep these. That one has ended is no secret: who holds it could find out by using it. */
  async function subject(ctx: Context, headers: Readonly<Record<string, string | undefined>>, rule: typeof rules.CHECK_TOKEN): Promise<Verdict> {
    const given = headers['x-subject-token']
    const verdict = given === undefined ? undefined : await tokens.validate(given)
    if (!verdict || rule !== rules.REVOKE_TOKEN && verdict.body.application_credential?.access_rules && !keepsRules(headers)) throw notFound('token', 'it is not valid')
    ctx.authorize(rule, { target: { token: { user_id: verdict.payload.userId } } })
    return verdict
  }

  return [
    route({
      method: 'POST', path: '/v3/auth/tokens', rule: { public: 'this is how a caller becomes known' }, status: 201, summary: 'Authenticate', body: authBody, query: nocatalog,
      async handle({ ctx, body: { auth }, query, headers }) {
        const issued = await authentication.authenticate({ identity: auth.identity, scope: scopeOf(auth.scope), receipt: headers['openstack-auth-receipt'] })
        if (!('token' in issued)) return answer(issued.body, { status: 401, headers: { 'openstack-auth-receipt': issued.receipt, vary: 'X-Auth-Token' } })
        return shown(await body(ctx, issued.verdict, query.nocatalog !== undefined), issued.token)
      },
    }),
    route({
      method: 'GET', path: '/v3/auth/tokens', rule: rules.VALIDATE_TOKEN, status: 200, summary: 'Validate and show information for token', query: nocatalog,
      handle: async ({ ctx, headers, query }) => shown(await body(ctx, await subject(ctx, headers, rules.VALIDATE_TOKEN), query.nocatalog !== undefined), headers['x-subject-token']!),
    }),
    route({
      method: 'HEAD', path: '/v3/auth/tokens', rule: rules.CHECK_TOKEN, status: 200, summary: 'Check token',
      handle: async ({ ctx, headers }) => { await subject(ctx, headers, rules.CHECK_TOKEN) },
    }),
    route({
      method: 'DELETE', path: '/v3/auth/tokens', rule: rules.REVOKE_TOKEN, status: 204, summary: 'Revoke token',
      handle: async ({ ctx, headers }) => tokens.revoke(await subject(ctx, headers, rules.REVOKE_TOKEN)),
    }),
    route({
      method: 'GET', path: '/v3/auth/catalog', rule: rules.GET_AUTH_CATALOG, status: 200, summary: 'Get service catalog',
      handle: async ({ ctx }) => ({ catalog: await endpoints.showCatalog(ctx, root(ctx)), links: { self: `${ctx.baseUrl}/v3/auth/catalog` } }),
    }),
    route({
      method: 'GET', path: '/v3/auth/projects', rule: rules.GET_AUTH_PROJECTS, status: 200, summary: 'Get available project scopes',
      handle: async ({ ctx }) => listOf(ctx, 'projects', 'auth/projects', (await projects.listOwn(ctx)).map(p => viewProject(ctx, p))),
    }),
    route({
      method: 'GET', path: '/v3/auth/domains', rule: rules.GET_AUTH_DOMAINS, status: 200, summary: 'Get available domain scopes',
      handle: async ({ ctx }) => listOf(ctx, 'domains', 'auth/domains', (await domains.listOwn(ctx)).map(d => viewDomain(ctx, d))),
    }),
  ]
}

/** True for a caller that says it keeps access rules, version 1 or later. */
function keepsRules(headers: Readonly<Record<string, string | undefined>>): boolean {
  return Number(headers['openstack-identity-access-rules'] ?? 0) >= 1
}

interface ScopeBody { project?: Named, domain?: Named, unscoped?: unknown, system?: { all?: boolean }, 'OS-TRUST:trust'?: { id?: string } }

function scopeOf(scope: 'unscoped' | ScopeBody | undefined): ScopeRequest {
  if (scope === undefined || scope === 'unscoped') return scope
  const { project, domain, system, unscoped, 'OS-TRUST:trust': trust } = scope
  if ([project, domain, system, unscoped, trust].filter(s => s !== undefined).length > 1) throw invalid('scope', 'Authentication cannot be scoped to multiple targets. Pick one of: project, domain, system, OS-TRUST:trust or unscoped')
  if (unscoped !== undefined) return 'unscoped'
  if (system?.all === true) return { system: true }
  if (trust?.id) return { trust: { id: trust.id } }
  if (trust) throw expected('trust_id', 'trust')
  if (project) return { project }
  if (domain) return { domain }
  throw invalid('scope', 'The scope names nothing: it may be project, domain, system (all: true), OS-TRUST:trust or unscoped.')
}

// The pipeline: every request of every service runs through `serve`, in this order:
// route, version, caller, its access rules, project in the path, path and query, body, handler, the rule's check, answer.
// A service is mounted as a Fastify plugin under its prefix, so one listener can carry one service or all of them.
import { IncomingMessage } from 'node:http'
import { PassThrough, pipeline, Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../clock/index.ts'
import { Fault, isFault } from '../errors/index.ts'
import type { Ids } from '../ids/index.ts'
import type { Log } from '../log/index.ts'
import type { Credentials, Enforcer } from '../policy/index.ts'
import { permits } from './access-rules.ts'
import { DEFAULT_LIMITS, pieces, readJson, type BodyLimits } from './body.ts'
import { requestContext, type Context } from '../context/index.ts'
import type { Dialect, Problem } from './dialect.ts'
import { compareVersions, negotiate, versionHeaders, type MicroversionPolicy, type Version } from './microversion.ts'
import { Answer, type AnyRoute, type Call, type Versioned } from './route.ts'
import { check, queryObject, type Schema } from './schema.ts'
import { WebsocketAnswer, type Upgrades } from './websocket.ts'

/** Whose a token is; undefined when it is nobody's (any more). */
export type Authenticate = (token: string) => Promise<Credentials | undefined>

/** All that HTTP needs to know of a service. */
export interface HttpService {
  name: string
  /** Where the listener carries it: `/compute`; '' for the root. */
  prefix: string
  routes: readonly AnyRoute[]
  dialect: Dialect
  /** Asked at every request, so that a reloaded policy holds at once. */
  enforcer(): Enforcer
  authenticate: Authenticate
  /** Its service types in the catalog, by which access rules name it; without any, a token with access rules may ask nothing here. */
  catalogTypes?: readonly string[]
  microversions?: MicroversionPolicy
  /** Paths below it may carry the project's id as their next step: `/v3` serves `/v3/{project_id}/volumes` as `/v3/volumes`. */
  projectPathBelow?: string
  limits?: BodyLimits
  /** A path with a slash at its end is another path, which no route has: `/v2/images/` is an image without an id, not the list. */
  exactPaths?: boolean
  /** Headers that carry the request id besides X-Openstack-Request-Id. */
  requestIdHeaders?: readonly string[]
  /** Origins (`https://panel.example`) besides the listener's own whose pages may open its websockets. */
  origins?: readonly string[]
}

/** What the listener lends to the services it carries. */
export interface Surroundings {
  log: Log
  ids: Ids
  clock: Clock
  /** The URL under which clients reach the listener; undefined: whatever Host they named. */
  publicUrl?: string | undefined
  /** True when X-Forwarded-Proto and -Host come from a proxy of ours. */
  trustProxy?: boolean
  upgrades: Upgrades
}

const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const NOBODY: Credentials = { userId: '', userDomainId: '', roles: [] }
/** Names of parameters: each may become a condition of one statement. */
const LARGEST_QUERY = 100
const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The service as a Fastify plugin, to be registered under its prefix. */
export function serviceApp(service: HttpService, around: Surroundings): FastifyPluginAsync {
  return async app => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => { done(null) })        // bodies are read by the pipeline
    app.setNotFoundHandler((request, reply) => refuse(service, around, request, reply, noRoute(service, request)))
    app.setErrorHandler((error, request, reply) => refuse(service, around, request, reply, fromFastify(error)))
    if (service.exactPaths) app.addHook('onRequest', async (request, reply) => slashed(service, request) ? refuse(service, around, request, reply, noRoute(service, request)) : undefined)
    for (const [path, routes] of groupByPath(service)) register(app, service, around, path, routes)
  }
}

function groupByPath(service: HttpService): Map<string, AnyRoute[]> {
  const paths = new Map<string, AnyRoute[]>()
  const add = (path: string, route: AnyRoute) => {
    const key = path.replaceAll(/\{(\w+)\}/g, ':$1').replace(/(?<=.)\/$/, '') || '/'
    paths.set(key, [...paths.get(key) ?? [], route])
  }
  const below = service.projectPathBelow
  for (const route of service.routes) {
    add(route.path, route)
    if (below !== undefined && route.path.startsWith(`${below}/`) && route.path !== `${below}/`) add(`${below}/{url_project_id}${route.path.slice(below.length)}`, route)
  }
  return paths
}

function register(app: FastifyInstance, service: HttpService, around: Surroundings, path: string, routes: readonly AnyRoute[]): void {
  const methods = [...new Set(routes.map(r => r.method))]
  for (const method of methods) {
    const candidates = routes.filter(r => r.method === method)
    app.route({ method, url: path, config: { secrets: candidates.flatMap(r => r.secrets ?? []) }, exposeHeadRoute: !methods.includes('HEAD'), handler: (request, reply) => serve(service, around, candidates, request, reply) })
  }
  const others = ALL_METHODS.filter(m => !methods.includes(m) && !(m === 'HEAD' && methods.includes('GET')))
  const allow = methods.join(', ')
  if (others.length) app.route({ method: others, url: path, handler: (request, reply) => refuse(service, around, request, reply, new Fault('methodNotAllowed', 'http.methodNotAllowed', `The method ${request.method} is not allowed for this resource. Allowed: ${allow}.`), { allow }) })
}

async function serve(service: HttpService, around: Surroundings, candidates: readonly AnyRoute[], request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const started = around.clock.now()
  const ids = requestIds(around, request)
  let version: Version = [0, 0]
  try {
    if (service.microversions) {
      version = negotiate(service.microversions, name => header(request, name))
      reply.headers(versionHeaders(service.microversions, version))
    }
    const upgrading = around.upgrades.asked(request.raw)
    const found = candidates.find(r => (r.websocket !== undefined) === upgrading && (!r.since || compareVersions(version, r.since) >= 0) && (!r.until || compareVersions(version, r.until) <= 0))
    if (!found) throw noRoute(service, request)
    if (found.websocket) {
      refuseForeignPages(service, around, request)
      around.upgrades.admit(found.websocket.protocols, header(request, 'sec-websocket-protocol'))
    }
    const ctx = await contextOf(service, around, found, request, ids)
    const result = await found.handle(await callOf(service, found, request, reply, ctx, version) as Call<never, never, never>)
    if ('name' in found.rule && ![found.rule, ...found.actionRules ?? []].some(rule => ctx.asked.has(rule.name))) throw new Error(`${found.method} ${found.path} answered without asking ${found.rule.name}`)
    if (result instanceof WebsocketAnswer) return around.upgrades.accept(reply, result.stream)
    return send(service, reply, found, result, ids)
  } catch (error) {
    return refuse(service, around, request, reply, brokeOff(request, reply, error) ? callerGone(error) : error, {}, ids)
  } finally {
    const ms = around.clock.now() - started
    around.log.debug({ service: service.name, ...ids, method: request.method, path: loggedPath(request), status: reply.statusCode, ms }, 'request')
  }
}

interface RequestIds { requestId: string, globalRequestId: string | undefined }

function requestIds(around: Surroundings, request: FastifyRequest): RequestIds {
  const given = header(request, 'x-openstack-request-id')
  return { requestId: `req-${around.ids.uuid()}`, globalRequestId: given !== undefined && REQUEST_ID.test(given) ? given : undefined }
}

async function contextOf(service: HttpService, around: Surroundings, found: AnyRoute, request: FastifyRequest, ids: RequestIds): Promise<Context> {
  const token = header(request, 'x-auth-token')
  const isPublic = 'public' in found.rule
  const credentials = isPublic ? NOBODY : token ? await service.authenticate(token) : undefined
  if (!credentials) throw unauthenticated()
  const serviceToken = isPublic ? undefined : header(request, 'x-service-token')
  const asker = serviceToken === undefined ? undefined : await service.authenticate(serviceToken)
  if (!asker?.roles.includes('service')) refuseBeyondRules(service, request, credentials)
  const inPath = (request.params as Record<string, string>)['url_project_id']
  if (inPath !== undefined && inPath !== credentials.projectId) throw new Fault('badRequest', 'http.projectMismatch', `Malformed request url: its project_id '${inPath}' is not the project of the token.`)
  return requestContext({
    ...ids,
    credentials: asker ? { ...credentials, serviceRoles: asker.roles, serviceUserId: asker.userId } : credentials,
    serviceRoles: asker?.roles ?? [],
    token,
    idempotencyKey: ownKey(credentials, header(request, 'x-alto-idempotency-key')),
    baseUrl: `${around.publicUrl ?? hostUrl(around, request)}${service.prefix}`,
    log: around.log.child({ service: service.name, ...ids, ...(credentials.projectId !== undefined && { projectId: credentials.projectId }) }),
  }, service.enforcer(), service.dialect.forbidden)
}

/** A token with access rules is for these requests only; what a service asks on with it (X-Service-Token of role service) follows from one that was let through. */
function refuseBeyondRules(service: HttpService, request: FastifyRequest, { accessRules }: Credentials): void {
  if (accessRules === undefined) return
  const path = request.raw.url!.split(/[?#]/)[0]!                     // a fragment is nothing to the router: no rule may be met by it
  if (!permits(accessRules, service.catalogTypes ?? [], request.method, [path, path.slice(service.prefix.length)])) throw unauthenticated()
}

function unauthenticated(): Fault {
  return new Fault('unauthenticated', 'http.unauthenticated', 'The request you have made requires authentication.')
}

async function callOf(service: HttpService, found: AnyRoute, request: FastifyRequest, reply: FastifyReply, ctx: Context, version: Version): Promise<Call<unknown, unknown, unknown>> {
  const { url_project_id: _inPath, ...params } = request.params as Record<string, string>
  if (request.raw.url!.includes('%00')) throw new Fault('badRequest', 'http.url.nul', 'A path or query may not hold a NUL.')
  if (found.params) expect(service.dialect, 'path', found.params, params)
  const url = new URL(request.raw.url!.slice(service.prefix.length) || '/', 'http://service')
  if (url.searchParams.size > LARGEST_QUERY && new Set(url.searchParams.keys()).size > LARGEST_QUERY) throw new Fault('badRequest', 'http.query.tooLarge', `A query may name at most ${LARGEST_QUERY} parameters.`)
  const query = queryObject(url.search, found.query)
  if (found.query) expect(service.dialect, 'query', found.query, query)
  let body: unknown
  if (found.body && found.body !== 'stream') {
    acceptable(found, request)
    body = await readJson(request.raw, service.limits ?? DEFAULT_LIMITS)
    expect(service.dialect, 'body', bodySchema(found.body, version), body)
  } else if (found.body === 'stream' && found.accepts) acceptable(found, request)
  return { ctx, params, query, body, stream: found.body === 'stream' ? bytesOf(request) : NO_BYTES, headers: request.headers as Record<string, string | undefined>, version, url, signal: callerSignal(reply) }
}

/** Of a route that takes no bytes, or has read its body. */
const NO_BYTES: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} }

/**
 * The raw body; it fails when its sender does. A socket's does so by itself; the one of the in-memory dispatch says so once, to whoever listens at that moment, so
 * it is listened to from here on, and its pieces stay the sender's.
 */
function bytesOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  if (request.raw instanceof IncomingMessage) return pieces(request.raw)
  const raw = request.raw as Readable
  const body = new PassThrough()
  if (raw.destroyed) body.destroy(new Error('the sender broke off'))
  else pipeline(raw, body, () => {})
  return body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
}

function bodySchema(body: Schema | Versioned, version: Version): Schema {
  if (!('versions' in body)) return body as Schema
  return (body as Versioned).versions.findLast(v => compareVersions(version, v.since) >= 0)?.schema ?? (body as Versioned).versions[0]!.schema
}

function acceptable(found: AnyRoute, request: FastifyRequest): void {
  const type = header(request, 'content-type')?.split(';')[0]!.trim().toLowerCase()
  if (!type) return
  const accepts = found.body === 'stream' ? found.accepts ?? [] : ['application/json', ...found.accepts ?? []]
  if (!accepts.includes(type)) throw new Fault('unsupportedMediaType', 'http.contentType', `Unsupported content type ${type}. It may be ${accepts.join(' or ')}.`)
}

function expect(dialect: Dialect, where: Problem['where'], schema: Schema, value: unknown): void {
  const error = check(schema, value)
  if (!error) return
  const path = error.pointer.split('/').slice(1).map(s => s.replaceAll('~1', '/').replaceAll('~0', '~'))
  const at = path.reduce<unknown>((v, key) => typeof v === 'object' && v !== null ? (v as Record<string, unknown>)[key] : undefined, value)
  throw dialect.invalid({ where, path, value: at, keyword: error.keyword, message: error.message, params: error.params })
}

function send(service: HttpService, reply: FastifyReply, found: AnyRoute, result: unknown, ids: RequestIds): FastifyReply {
  const { body, status, headers } = result instanceof Answer ? result : { body: result, status: undefined, headers: {} }
  if (body instanceof Readable && reply.raw.destroyed) {           // nobody would read it, nor end it
    body.destroy()
    throw callerGone()
  }
  reply.code(status ?? found.status).headers({ ...idHeaders(service, ids), ...headers })
  if (body === undefined || body === null) return reply.send()
  if (typeof body === 'string' || body instanceof Uint8Array || typeof (body as Readable).pipe === 'function') return reply.send(body)
  if (reply.getHeader('content-type') === undefined) reply.header('content-type', 'application/json')
  return reply.send(JSON.stringify(body))
}

function refuse(service: HttpService, around: Surroundings, request: FastifyRequest, reply: FastifyReply, error: unknown, headers: Record<string, string> = {}, ids = requestIds(around, request)): FastifyReply {
  const unexpected = !isFault(error)
  const fault = unexpected ? new Fault('unavailable', 'http.unexpected', 'The server has either erred or is incapable of performing the requested operation.', { cause: error }) : error
  const about = { service: service.name, ...ids, method: request.method, path: loggedPath(request) }
  if (unexpected) around.log.error({ ...about, err: error }, 'a request met a bug')
  else if (fault.code === CALLER_GONE) around.log.debug(about, 'the client left before it was answered')
  else around.log.info({ ...about, code: fault.code, ...(fault.cause !== undefined && { cause: String(fault.cause) }), ...fault.detail }, withoutTokens(fault.message))
  const rendered = service.dialect.render(fault, { requestId: ids.requestId, unexpected })
  reply.code(rendered.status).headers({ ...idHeaders(service, ids), ...headers, ...rendered.headers })
  if (request.raw instanceof IncomingMessage && !request.raw.complete) request.raw.resume()       // most clients read no answer before they have sent everything: what is left is thrown away
  if (typeof rendered.body === 'string') return reply.send(rendered.body)
  return reply.header('content-type', 'application/json').send(JSON.stringify(rendered.body))
}

function fromFastify(error: unknown): unknown {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status < 500 ? new Fault('badRequest', 'http.malformed', (error as Error).message) : error
}

function slashed(service: HttpService, request: FastifyRequest): boolean {
  const path = request.url.split('?')[0]!.slice(service.prefix.length)
  return path !== '/' && path.endsWith('/')
}

function noRoute(service: HttpService, request: FastifyRequest): Fault {
  return service.dialect.noRoute?.(request.url) ?? new Fault('notFound', 'http.noRoute', 'The resource could not be found.')
}

function idHeaders(service: HttpService, ids: RequestIds): Record<string, string> {
  return Object.fromEntries(['x-openstack-request-id', ...service.requestIdHeaders ?? []].map(name => [name, ids.requestId]))
}

/** A key is its caller's own: the same key of another user, or in another project, names another request. */
function ownKey({ userId, projectId = '' }: Credentials, key: string | undefined): string | undefined {
  return key === undefined ? undefined : `${userId}/${projectId}/${key}`
}

/** The path without what somebody put into it by mistake: a token is a secret wherever it stands. */
function loggedPath(request: FastifyRequest): string {
  const { secrets = [] } = (request.routeOptions.config ?? {}) as { secrets?: readonly string[] }
  const path = withoutTokens(request.url.split('?')[0]!)
  return secrets.length === 0 ? path : path.split('/').map(part => secrets.some(name => decoded(part) === (request.params as Record<string, string>)[name]) ? '***' : part).join('/')
}

/** Tokens and receipts are encrypted (gAAAA…) or signed (eyJ….eyJ….…). */
function withoutTokens(text: string): string {
  return text.replaceAll(/gAAAA[\w%=-]+/g, 'gAAAA***').replaceAll(/eyJ[\w-]+\.[\w.-]+/g, 'eyJ***')
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** A page of another site may not use what its reader's browser can reach. Clients that are no browsers send no Origin. */
function refuseForeignPages(service: HttpService, around: Surroundings, request: FastifyRequest): void {
  const origin = header(request, 'origin')
  const own = [around.publicUrl, hostUrl(around, request), ...service.origins ?? []]
  if (origin === undefined || own.some(url => url !== undefined && new URL(url).origin === origin)) return
  throw new Fault('forbidden', 'http.origin', 'The page that opens this websocket is of another site.')
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function hostUrl(around: Surroundings, request: FastifyRequest): string {
  const proxied = around.trustProxy === true
  const scheme = proxied ? header(request, 'x-forwarded-proto') : undefined
  const host = (proxied ? header(request, 'x-forwarded-host') : undefined) ?? header(request, 'host') ?? 'localhost'
  return `${scheme ?? request.protocol}://${/^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}`) ? host : 'localhost'}`
}

function callerSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort(callerGone()) })
  return gone.signal
}

/** True when `error` is how reading or waiting ends for a caller that is gone: no bug, and nobody to tell. */
function brokeOff(request: FastifyRequest, reply: FastifyReply, error: unknown): boolean {
  const isGone = request.raw.readableAborted || (reply.raw.destroyed && !reply.raw.writableFinished)
  return isGone && error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ECONNRESET'))
}

const CALLER_GONE = 'http.callerGone'

function callerGone(cause?: unknown): Fault {
  return new Fault('badRequest', CALLER_GONE, 'The caller went away.', { cause })
}

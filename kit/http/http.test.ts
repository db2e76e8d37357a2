// The pipeline, seen through a small service of its own, in memory and over a socket.
import { test } from 'node:test'
import { inspect } from 'node:util'
import { once } from 'node:events'
import { connect } from 'node:net'
import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { fastify } from 'fastify'
import { ManualClock, systemClock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { systemIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { enforcer, policySet, rule } from '../policy/index.ts'
import { answer, dispatchTo, firstAnswering, httpServer, networkFetch, route, t, versioned, type Fetch, type HttpService } from './index.ts'

const SHOW = rule({ name: 'things:show', check: 'role:reader', description: 'Show a thing' })
const CREATE = rule({ name: 'things:create', check: 'role:member', description: 'Create a thing' })
const BYTES = 128 * 1024 * 1024
/** How far the writer may be ahead of the reader: what sockets and streams hold between them. */
const LEAD = 16 * 1024 * 1024

const things: HttpService = {
  name: 'things', prefix: '/things', projectPathBelow: '/v1', requestIdHeaders: ['x-things-request-id'],
  microversions: { min: [1, 0], max: [1, 5], serviceType: 'thing', legacyHeaders: ['X-Things-Version'] },
  enforcer: () => enforcer(policySet([SHOW, CREATE])),
  authenticate: async token => token === 'bad' ? undefined : { userId: token === 'reader' ? 'u' : 'v', userDomainId: 'd', projectId: 'p1', roles: token.split(',') },
  dialect: {
    render: (fault, { unexpected }) => ({ status: unexpected ? 500 : ({ badRequest: 400, unauthenticated: 401, forbidden: 403, notFound: 404, methodNotAllowed: 405, notAcceptable: 406, tooLarge: 413, unsupportedMediaType: 415 } as Record<string, number>)[fault.kind] ?? 500, body: { code: fault.code, message: fault.message } }),
    invalid: problem => new Fault('badRequest', 'things.invalid', `${problem.where} ${problem.path.join('.')}: ${problem.message}`),
    forbidden: name => new Fault('forbidden', 'things.forbidden', `no ${name}`),
  },
  routes: [
    route({ method: 'GET', path: '/', rule: { public: 'discovery' }, status: 300, summary: 'Versions', handle: async ({ ctx }) => ({ base: ctx.baseUrl }) }),
    route({
      method: 'GET', path: '/v1/things/{id}', rule: SHOW, status: 200, summary: 'Show a thing', params: t.object({ id: t.uuid() }), query: t.open({ count: t.optional(t.integer({ min: 1 })), tag: t.optional(t.array(t.string(), { max: 3 })) }),
      async handle({ ctx, params, query }) {
        ctx.authorize(SHOW, { project_id: 'p1' })
        return { id: params.id, query }
      },
    }),
    route({
      method: 'POST', path: '/v1/things', rule: CREATE, status: 201, summary: 'Create a thing',
      body: versioned({ since: [1, 3], schema: t.object({ name: t.string({ max: 5 }), colour: t.optional(t.string()) }) }, { since: [1, 0], schema: t.object({ name: t.string({ max: 5 }) }) }),
      async handle({ ctx, body }) {
        ctx.authorize(CREATE, {})
        return answer(body, { headers: { location: '/x' } })
      },
    }),
    route({
      method: 'PUT', path: '/v1/key', rule: SHOW, status: 200, summary: 'The key of the call',
      async handle({ ctx }) {
        ctx.authorize(SHOW, {})
        return { key: ctx.idempotencyKey }
      },
    }),
    route({ method: 'GET', path: '/v1/forgot', rule: SHOW, status: 200, summary: 'A handler that asks no rule', handle: async () => ({}) }),
    route({ method: 'GET', path: '/v1/new', rule: { public: 'test' }, since: [1, 2], until: [1, 3], status: 200, summary: 'Only for a while', handle: async ({ version }) => ({ version }) }),
    route({
      method: 'PUT', path: '/v1/bytes', rule: { public: 'test' }, status: 200, summary: 'Count bytes', body: 'stream', accepts: ['application/octet-stream'],
      async handle({ stream }) {
        return { size: await readAll(stream) }
      },
    }),
    route({
      method: 'PUT', path: '/v1/pieces', rule: { public: 'test' }, status: 200, summary: 'Count what is left of the pieces when all have come', body: 'stream', accepts: ['application/octet-stream'],
      async handle({ stream }) {
        const all = await Array.fromAsync(stream, piece => ({ piece, length: piece.length }))
        return { came: total(all), left: total(all.map(({ piece }) => piece)) }
      },
    }),
    route({
      method: 'PUT', path: '/v1/refused', rule: { public: 'test' }, status: 200, summary: 'Refuse bytes when some have come', body: 'stream', accepts: ['application/octet-stream'],
      async handle({ stream, headers }) {
        for await (const _chunk of stream) throw new Fault(headers['x-kind'] === 'tooLarge' ? 'tooLarge' : 'unsupportedMediaType', 'things.refused', 'no more of this')
        return {}
      },
    }),
    route({ method: 'GET', path: '/v1/bytes', rule: { public: 'test' }, status: 200, summary: 'Give bytes', handle: async () => Readable.from(blocks()) }),
  ],
}

const flow = { written: 0, read: 0, lead: 0 }

function* blocks() {
  Object.assign(flow, { written: 0, read: 0, lead: 0 })
  for (let i = 0; i < BYTES / 65_536; i++) {
    flow.written += 65_536
    flow.lead = Math.max(flow.lead, flow.written - flow.read)
    yield Buffer.alloc(65_536)
  }
}

function total(parts: readonly { length: number }[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

/** Reads slower than memory is written, and says how much there was. */
async function readAll(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    flow.read += chunk.length
    if (size % (1024 * 1024) < chunk.length) await new Promise(resolve => { setImmediate(resolve) })
  }
  return size
}

async function server() {
  const log = memoryLog()
  return { log, ...await httpServer({ services: [things], log, ids: systemIds, clock: systemClock }) }
}

async function ask(method: string, url: string, opts: { token?: string, body?: string, headers?: Record<string, string> } = {}) {
  const { fetch, log } = await server()
  const response = await fetch({ method, url: `/things${url}`, body: opts.body, headers: { ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers } })
  return { status: response.status, body: await response.json() as Record<string, unknown>, headers: response.headers, log }
}

const ID = '11111111-2222-4333-8444-555555555555'

test('a known caller is answered, with request ids and the version that answered', async () => {
  const { status, body, headers } = await ask('GET', `/v1/things/${ID}?count=3&tag=a&tag=b&other=x`, { token: 'reader', headers: { 'openstack-api-version': 'other 9.9, thing 1.4' } })
  assert.deepEqual([status, body], [200, { id: ID, query: { count: 3, tag: ['a', 'b'], other: 'x' } }])
  assert.match(headers['x-openstack-request-id']!, /^req-/)
  assert.equal(headers['x-things-request-id'], headers['x-openstack-request-id'])
  assert.deepEqual([headers['openstack-api-version'], headers['x-things-version'], headers['vary']], ['thing 1.4', '1.4', 'OpenStack-API-Version, X-Things-Version'])
})

for (const [what, method, url, opts, status, code] of [
  ['without a token', 'GET', `/v1/things/${ID}`, {}, 401, 'http.unauthenticated'],
  ['with a bad token', 'GET', `/v1/things/${ID}`, { token: 'bad' }, 401, 'http.unauthenticated'],
  ['without the role', 'GET', `/v1/things/${ID}`, { token: 'member' }, 403, 'things.forbidden'],
  ['with another project in the path', 'GET', `/v1/p2/things/${ID}`, { token: 'reader' }, 400, 'http.projectMismatch'],
  ['with its project in the path', 'GET', `/v1/p1/things/${ID}`, { token: 'reader' }, 200, undefined],
  ['with a bad id', 'GET', '/v1/things/x', { token: 'reader' }, 400, 'things.invalid'],
  ['with a bad query', 'GET', `/v1/things/${ID}?count=0`, { token: 'reader' }, 400, 'things.invalid'],
  ['on an unknown path', 'GET', '/v1/nothing', { token: 'reader' }, 404, 'http.noRoute'],
  ['with a wrong method', 'PATCH', '/v1/things', { token: 'reader' }, 405, 'http.methodNotAllowed'],
  ['with bad JSON', 'POST', '/v1/things', { token: 'member', body: '{', headers: { 'content-type': 'application/json' } }, 400, 'http.body.malformed'],
  ['with half of a surrogate pair', 'POST', '/v1/things', { token: 'member', body: '{"name":"\\ud83d"}', headers: { 'content-type': 'application/json' } }, 400, 'http.body.malformed'],
  ['with a whole surrogate pair', 'POST', '/v1/things', { token: 'member', body: '{"name":"\\ud83d\\ude00"}', headers: { 'content-type': 'application/json' } }, 201, undefined],
  ['with a thousand parameters', 'GET', `/v1/things/${ID}?${Array.from({ length: 1000 }, (_, i) => `f${i}=1`).join('&')}`, { token: 'reader' }, 400, 'http.query.tooLarge'],
  ['without a body', 'POST', '/v1/things', { token: 'member' }, 400, 'things.invalid'],
  ['with XML', 'POST', '/v1/things', { token: 'member', body: '<a/>', headers: { 'content-type': 'text/xml' } }, 415, 'http.contentType'],
  ['with a large body', 'POST', '/v1/things', { token: 'member', body: JSON.stringify('x'.repeat(200_000)), headers: { 'content-type': 'application/json' } }, 413, 'http.body.tooLarge'],
  ['with a deep body', 'POST', '/v1/things', { token: 'member', body: '['.repeat(1000), headers: { 'content-type': 'application/json' } }, 400, 'http.body.tooDeep'],
  ['with a NUL in its text', 'POST', '/v1/things', { token: 'member', body: '{"name":"\\u0000"}', headers: { 'content-type': 'application/json' } }, 400, 'http.body.malformed'],
  ['with a NUL in its path', 'GET', '/v1/things/%00', { token: 'reader' }, 400, 'http.url.nul'],
  ['with a later member in an earlier version', 'POST', '/v1/things', { token: 'member', body: '{"name":"a","colour":"b"}', headers: { 'content-type': 'application/json', 'x-things-version': '1.2' } }, 400, 'things.invalid'],
  ['with that member in its version', 'POST', '/v1/things', { token: 'member', body: '{"name":"a","colour":"b"}', headers: { 'content-type': 'application/json', 'x-things-version': '1.3' } }, 201, undefined],
  ['in a version that is not there', 'GET', '/v1/new', { headers: { 'x-things-version': '1.6' } }, 406, 'http.version.unsupported'],
  ['in a version that is none', 'GET', '/v1/new', { headers: { 'x-things-version': 'one' } }, 400, 'http.version.malformed'],
  ['before the route was there', 'GET', '/v1/new', {}, 404, 'http.noRoute'],
  ['after the route had gone', 'GET', '/v1/new', { headers: { 'x-things-version': '1.4' } }, 404, 'http.noRoute'],
  ['at the latest version', 'POST', '/v1/things', { token: 'member', body: '{"name":"a"}', headers: { 'content-type': 'application/json', 'openstack-api-version': 'thing latest' } }, 201, undefined],
  ['when the handler forgot its rule', 'GET', '/v1/forgot', { token: 'reader' }, 500, 'http.unexpected'],
] as const) {
  test(`a request ${what} is answered with ${status}`, async () => {
    const got = await ask(method, url, opts)
    assert.deepEqual([got.status, got.body?.['code']], [status, code])
  })
}

test('the key of a repeated call is its caller\'s own: who guesses it does not get what it made', async () => {
  const key = async (token: string) => (await ask('PUT', '/v1/key', { token, headers: { 'x-alto-idempotency-key': 'stack/server' } })).body['key']
  assert.deepEqual([await key('reader'), await key('reader,member')], ['u/p1/stack/server', 'v/p1/stack/server'])
})

test('bytes stream both ways, in memory and over a socket, and the writer waits for the reader', async t => {
  const { fetch, listen, close } = await server()
  t.after(close)
  const base = `http://127.0.0.1:${await listen({ host: '127.0.0.1', port: 0 })}`
  for (const [way, prefix] of [[fetch, ''], [networkFetch, base]] as const) {
    const sent = await way({ method: 'PUT', url: `${prefix}/things/v1/bytes`, body: Readable.from(blocks()), headers: { 'content-type': 'application/octet-stream' } })
    assert.deepEqual(await sent.json(), { size: BYTES })
    assert.ok(flow.lead < LEAD, `the upload was ${flow.lead} bytes ahead`)
    assert.equal(await readAll((await way({ method: 'GET', url: `${prefix}/things/v1/bytes` })).body), BYTES)
    assert.ok(flow.lead < LEAD, `the download was ${flow.lead} bytes ahead`)
  }
})

test('what was read from a socket takes no memory once the next is asked for; what a caller in this process sends stays its own', async t => {
  const { fetch, listen, close } = await server()
  t.after(close)
  const base = `http://127.0.0.1:${await listen({ host: '127.0.0.1', port: 0 })}`
  const sent = Array.from({ length: 16 }, () => Buffer.alloc(65_536, 'x'))
  const asked = async (way: Fetch, prefix: string) => (await way({ method: 'PUT', url: `${prefix}/things/v1/pieces`, body: Readable.from(sent), headers: { 'content-type': 'application/octet-stream' } })).json()
  assert.deepEqual(await asked(fetch, ''), { came: 2 ** 20, left: 2 ** 20 })
  assert.equal(total(sent), 2 ** 20)
  assert.deepEqual(await asked(networkFetch, base), { came: 2 ** 20, left: 0 })
})

test('a client that leaves in the middle of its request is no bug, in memory and over a socket', async t => {
  const log = memoryLog()
  let arrived = 0
  const authenticate: HttpService['authenticate'] = token => { arrived++; return things.authenticate(token) }
  const { fetch, listen, close } = await httpServer({ services: [{ ...things, authenticate }], log, ids: systemIds, clock: systemClock })
  t.after(close)
  const base = `http://127.0.0.1:${await listen({ host: '127.0.0.1', port: 0 })}`
  const lines = (message: string) => log.lines.filter(line => line.message === message)
  for (const [index, [way, prefix]] of ([[fetch, ''], [networkFetch, base]] as const).entries()) {
    const [client, body] = [new AbortController(), new PassThrough()]
    body.write('{"name":')
    body.on('error', () => {})
    const asked = way({ method: 'POST', url: `${prefix}/things/v1/things`, body, headers: { 'x-auth-token': 'member', 'content-type': 'application/json' }, signal: client.signal })
    while (arrived <= index || body.readableLength > 0) await new Promise(resolve => { setImmediate(resolve) })
    client.abort()
    await assert.rejects(asked)
    while (lines('request').length < index + 1) await new Promise(resolve => { setImmediate(resolve) })
    assert.deepEqual(lines('the client left before it was answered').map(line => [line.level, line.fields['path']]), Array.from({ length: index + 1 }, () => ['debug', '/things/v1/things']))
  }
  assert.deepEqual(log.lines.filter(line => line.level !== 'debug'), [])
})

test('a client that reads nothing before it has sent everything gets the refusal, and its connection serves on', async t => {
  const { listen, close } = await server()
  t.after(close)
  const port = await listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const answers = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  for (const [kind, path, status] of [['other', '/v1/refused', 415], ['tooLarge', '/v1/refused', 413], ['json', '/v1/things', 413]] as const) {
    const type = kind === 'json' ? 'application/json' : 'application/octet-stream'
    const sent = [`PUT /things${path} HTTP/1.1`, 'host: x', `content-type: ${type}`, `x-kind: ${kind}`, 'x-auth-token: member', `content-length: ${64 * 2 ** 20}`, '', '']
    if (kind === 'json') sent[0] = 'POST /things/v1/things HTTP/1.1'
    socket.write(sent.join('\r\n'))
    for (let i = 0; i < 64; i++) if (!socket.write(Buffer.alloc(2 ** 20, 'x'))) await once(socket, 'drain', { signal: AbortSignal.timeout(20_000) })
    assert.match(String((await answers.next()).value), new RegExp(`^HTTP/1.1 ${status} `), kind)
  }
  socket.destroy()
})

test('in memory as over a socket, what nobody reads on with is let go: the rest of a refused body, and of an answer whose caller left, whenever that was', async () => {
  const given: Readable[] = []
  const serving: HttpService = { ...things, routes: [...things.routes, route({ method: 'GET', path: '/v1/given', rule: { public: 'test' }, status: 200, summary: 'Give bytes that are kept an eye on', handle: async () => given[given.push(Readable.from(blocks())) - 1] })] }
  const { fetch, close } = await httpServer({ services: [serving], log: memoryLog(), ids: systemIds, clock: systemClock })
  const letGo = async (stream: Readable) => { while (!stream.closed) await new Promise(resolve => { setImmediate(resolve) }) }
  const body = Readable.from(blocks())
  const refused = await fetch({ method: 'PUT', url: '/things/v1/refused', body, headers: { 'content-type': 'application/octet-stream' } })
  assert.deepEqual([refused.status, await refused.json()], [415, { code: 'things.refused', message: 'no more of this' }])
  await letGo(body)
  assert.equal(body.readableEnded, false)

  for (const turns of [undefined, -1, 0, 1, 2, 5, 10, 20]) {           // setImmediates from the request to the caller's leaving: after the answer's head, at once, meanwhile
    const caller = new AbortController()
    const asked = fetch({ method: 'GET', url: '/things/v1/given', signal: caller.signal }).then(answer => { answer.body.on('error', () => {}).destroy() }, () => {})
    for (let turn = 0; turn < (turns ?? 0); turn++) await new Promise(resolve => { setImmediate(resolve) })
    if (turns !== undefined) caller.abort()
    await asked
  }
  await assert.rejects(fetch({ method: 'GET', url: '/things/v1/given', signal: AbortSignal.abort() }), { name: 'AbortError' })
  await close()
  assert.ok(given.length > 1)
  for (const stream of given) await letGo(stream)
})

test('a listener that ends waits for nobody who still sends what was refused long ago, or is being refused', async () => {
  for (const [path, coding] of [['/v1/refused', 'content-length: 100000000000'], ['/v1/refused', 'transfer-encoding: chunked'], ['/nowhere', 'content-length: 100000000000']] as const) {
    const { listen, close } = await server()
    const socket = connect(await listen({ host: '127.0.0.1', port: 0 }), '127.0.0.1')
    socket.write(`PUT /things${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n${coding}\r\n\r\n5\r\nhello\r\n`)
    const [answer] = await once(socket, 'data') as [Buffer]
    assert.match(String(answer), /^HTTP\/1.1 4/)
    const ended = once(socket, 'close')
    await close()
    await ended
  }
})

test('a listener that ends waits for half a request no longer than 20 s', async () => {
  const clock = new ManualClock()
  const { listen, close } = await httpServer({ services: [things], log: memoryLog(), ids: systemIds, clock })
  const socket = connect(await listen({ host: '127.0.0.1', port: 0 }), '127.0.0.1').on('error', () => {})
  socket.write('POST /things/v1/things HTTP/1.1\r\nhost: x\r\nx-auth-token: member\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n{"name":')
  await once(socket, 'data')                                 // 100: it has begun
  const [gone, closed] = [once(socket, 'close'), close()]
  await clock.advance(19_000)
  assert.equal(await Promise.race([closed.then(() => 'closed'), new Promise(resolve => { setImmediate(resolve, 'waiting') })]), 'waiting')
  await clock.advance(1000)
  await Promise.all([gone, closed])
})

test('a token that somebody put into a path is not logged', async () => {
  const { log } = await ask('GET', '/v1/things/gAAAAABsecret-part_of=it', { token: 'reader' })
  assert.ok(log.lines.length > 0 && !JSON.stringify(log.lines.map(line => line.fields['path'])).includes('secret'))
})

test('a body that is no JSON is not quoted, to nobody: it may hold a password', async () => {
  const { log, body } = await ask('POST', '/v1/things', { token: 'member', body: '{"password": "canary', headers: { 'content-type': 'application/json' } })
  assert.ok(!inspect([log.lines, body], { depth: 9 }).includes('canary'))
})

test('an occupied port is one clear sentence', async t => {
  const first = await server()
  t.after(() => first.close())
  const port = await first.listen({ host: '127.0.0.1', port: 0 })
  await assert.rejects((await server()).listen({ host: '127.0.0.1', port }), { code: 'http.portTaken', message: `127.0.0.1:${port} is taken by another program. Stop that, or choose another with --listen HOST:PORT.` })
})

test('of several addresses the one that answers is asked, and asked first from then on', async () => {
  const asked: string[] = []
  let down = 'http://a'
  const one: Fetch = async ({ url }) => {
    asked.push(url)
    if (url.startsWith(down)) throw new Fault('unavailable', 'http.unreachable', 'down')
    return dispatchTo(fastify().get('/x', async () => ({ ok: true })))({ method: 'GET', url: '/x' })
  }
  const either = firstAnswering(['http://a/', 'http://b'], one)
  assert.equal((await either({ method: 'GET', url: '/x' })).status, 200)
  assert.equal((await either({ method: 'GET', url: '/x' })).status, 200)
  down = 'http://b'
  await assert.rejects(either({ method: 'PUT', url: '/x', body: Readable.from(['sent once']) }), { code: 'http.unreachable' })
  assert.equal((await either({ method: 'GET', url: '/x' })).status, 200)
  assert.deepEqual(asked, ['http://a/x', 'http://b/x', 'http://b/x', 'http://b/x', 'http://a/x'])
  await assert.rejects(firstAnswering([], one)({ method: 'GET', url: '/x' }), { code: 'http.unreachable' })
})

// Websockets over a real listener: declared routes, refused in plain HTTP, joined to a stream with back-pressure both ways.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { Duplex, PassThrough } from 'node:stream'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { ManualClock, systemClock, type Clock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { systemIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { enforcer, policySet } from '../policy/index.ts'
import { httpServer, route, t, websocketTo, type HttpService } from './index.ts'

const OPEN = { public: 'a test' }

async function listener(opts: { clock?: Clock, publicUrl?: string } = {}) {
  const streams: Duplex[] = []
  const guest: { make: () => Duplex | Promise<Duplex> } = { make: () => new PassThrough() }
  const service: HttpService = {
    name: 'doors', prefix: '/doors', origins: ['https://panel.example'], enforcer: () => enforcer(policySet([])), authenticate: async () => undefined,
    dialect: {
      render: (fault, { unexpected }) => ({ status: unexpected ? 500 : ({ badRequest: 400, forbidden: 403, notFound: 404, unavailable: 503 } as Record<string, number>)[fault.kind] ?? 500, body: { code: fault.code } }),
      invalid: problem => new Fault('badRequest', 'doors.invalid', problem.message), forbidden: name => new Fault('forbidden', 'doors.forbidden', name),
    },
    routes: [
      route({ method: 'GET', path: '/', rule: OPEN, status: 200, summary: 'A page', handle: async () => ({ page: true }) }),
      route({
        method: 'GET', path: '/', rule: OPEN, status: 101, summary: 'A websocket', websocket: { protocols: ['binary'] }, query: t.object({ token: t.string({ min: 1 }) }),
        async handle({ query }) {
          if (query.token !== 'good') throw new Fault('forbidden', 'doors.token', 'no such token')
          const stream = await guest.make()
          streams.push(stream)
          return websocketTo(stream)
        },
      }),
      route({ method: 'GET', path: '/keys/{key}/{id}', rule: OPEN, status: 200, summary: 'A secret in the path', secrets: ['key'], handle: async () => ({}) }),
    ],
  }
  const log = memoryLog()
  const server = await httpServer({ services: [service], log, ids: systemIds, clock: opts.clock ?? systemClock, publicUrl: opts.publicUrl })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const open = (query = '?token=good', more: { protocols?: string[], origin?: string, autoPong?: boolean } = {}) => {
    const { protocols = ['binary'], ...rest } = more
    return new WebSocket(`ws://127.0.0.1:${port}/doors/${query}`, protocols, rest)
  }
  /** The status with which an upgrade is refused; 101 when it is not. */
  const status = async (websocket: WebSocket) => {
    const answered = await Promise.race([once(websocket, 'open').then(() => 101), once(websocket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode)])
    websocket.on('error', () => {})
    websocket.terminate()
    return answered
  }
  const get = (path: string, headers: Record<string, string> = {}) => new Promise<number>((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers, agent: false }, response => { response.resume(); resolve(response.statusCode!) }).on('error', reject).end()
  })
  return { server, port, log, streams, guest, open, status, get, [Symbol.asyncDispose]: () => server.close() }
}

test('bytes go both ways through a websocket, as binary messages', async () => {
  await using at = await listener()
  const websocket = at.open()
  await once(websocket, 'open')
  assert.equal(websocket.protocol, 'binary')
  for (const said of [Buffer.from([0, 255, 10]), 'words']) {
    websocket.send(said)
    const [heard, isBinary] = await once(websocket, 'message') as [Buffer, boolean]
    assert.deepEqual([heard, isBinary], [Buffer.from(said as string), true])
  }
  websocket.close()
  await once(at.streams[0]!, 'close')
})

test('a websocket ends with its stream, having brought all that it said', async () => {
  await using at = await listener()
  at.guest.make = () => new Duplex({ read() { this.push(Buffer.alloc(3_000_000)); this.push(null) }, write(_chunk, _encoding, done) { done() } })
  const websocket = at.open()
  let size = 0
  websocket.on('message', (data: Buffer) => { size += data.length })
  await once(websocket, 'close')
  assert.equal(size, 3_000_000)
})

test('a stream is read no faster than the client takes it', async () => {
  await using at = await listener()
  let given = 0
  at.guest.make = () => new Duplex({ read() { given += 65_536; this.push(Buffer.alloc(65_536)) }, write(_chunk, _encoding, done) { done() } })
  const websocket = at.open()
  await once(websocket, 'open')
  websocket.pause()
  let before = -1
  for (; before !== given; await systemClock.sleep(200)) before = given
  assert.ok(given < 64 * 1024 * 1024, `${given} bytes were read for a client that takes none`)
  websocket.terminate()
})

test('what is refused is refused in plain HTTP: tokens, foreign pages, subprotocols', async () => {
  await using at = await listener()
  const own = `http://127.0.0.1:${at.port}`
  const statuses = await Promise.all([
    at.open(), at.open('?token=bad'), at.open(''), at.open('?token=good', { origin: own }), at.open('?token=good', { origin: 'https://panel.example' }), at.open('?token=good', { origin: 'http://evil.example' }),
    at.open('?token=good', { origin: `http://127.0.0.1:${at.port + 1}` }), at.open('?token=good', { origin: 'null' }), at.open('?token=good', { protocols: ['base64'] }), at.open('?token=good', { protocols: ['base64', 'binary'] }), at.open('?token=good', { protocols: [] }),
  ].map(at.status))
  assert.deepEqual(statuses, [101, 403, 400, 101, 101, 403, 403, 403, 400, 101, 101])
  assert.equal(await at.get('/doors/?token=good', { host: 'a:b:c', connection: 'Upgrade', upgrade: 'websocket', origin: own }), 403)
})

test('behind a proxy, pages of the public URL open websockets', async () => {
  await using at = await listener({ publicUrl: 'https://cloud.example/' })
  assert.equal(await at.status(at.open('?token=good', { origin: 'https://cloud.example' })), 101)
})

test('the same path without an upgrade is another route, and other offers to change the protocol are no matter', async () => {
  await using at = await listener()
  assert.deepEqual(await Promise.all([
    at.get('/doors/'), at.get('/doors'), at.get('/doors/', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' }), at.get('/doors/nowhere', { connection: 'Upgrade', upgrade: 'websocket' }),
  ]), [200, 200, 200, 404])
  assert.equal((await at.server.fetch({ method: 'GET', url: '/doors/?token=good', headers: { connection: 'Upgrade', upgrade: 'websocket' } })).status, 200)
})

test('a handshake that is none frees what was opened for it', async () => {
  await using at = await listener()
  assert.equal(await at.get('/doors/?token=good', { 'connection': 'Upgrade', 'upgrade': 'websocket', 'sec-websocket-version': '13' }), 400)
  const [stream] = at.streams
  if (!stream!.destroyed) await once(stream!, 'close')
})

test('a client that leaves while its stream is opened frees it', async () => {
  await using at = await listener()
  const [asked, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<Duplex>()]
  at.guest.make = () => { asked.resolve(); return opened.promise }
  const websocket = at.open()
  websocket.on('error', () => {})
  await asked.promise
  websocket.terminate()
  const stream = new PassThrough()
  opened.resolve(stream)
  await once(stream, 'close')
})

test('a client that is gone without a word is let go of after two pings', async () => {
  const clock = new ManualClock()
  await using at = await listener({ clock })
  const [there, gone] = [at.open(), at.open('?token=good', { autoPong: false })]
  await Promise.all([once(there, 'open'), once(gone, 'open')])
  for (let turn = 0; turn < 3; turn++) {
    const pinged = once(there, 'ping')
    await clock.advance(30_000)
    await pinged
    there.send('x')
    await once(there, 'message')                            // the answer to the ping is there before this
  }
  if (gone.readyState !== WebSocket.CLOSED) await once(gone, 'close')
  assert.equal(there.readyState, WebSocket.OPEN)
})

test('websockets end with the listener', async () => {
  const at = await listener()
  const websocket = at.open()
  await once(websocket, 'open')
  await Promise.all([once(websocket, 'close'), at.server.close()])
})

test('a secret in a path is not in the log', async () => {
  await using at = await listener()
  assert.equal(await at.get('/doors/keys/s%65cret-canary/7'), 200)
  assert.deepEqual(at.log.lines.map(line => line.fields['path']), ['/doors/keys/***/7'])
})

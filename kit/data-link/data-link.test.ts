// The data listener lets in whom it has invited, once, in time; nobody else.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectPlain, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { ManualClock, systemClock } from '../clock/index.ts'
import { isFault } from '../errors/index.ts'
import { seededIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { connectData, connectUnix, joinStreams, linkKey, listenForData, type DataListenerOptions } from './index.ts'

const SECRET = 'a data secret'
const UNREACHABLE = (error: unknown) => isFault(error, 'data.unreachable')

async function host(more: Partial<DataListenerOptions> = {}) {
  const clock = new ManualClock()
  const log = memoryLog()
  const listener = await listenForData({ address: '127.0.0.1', port: 0, secret: SECRET, clock, ids: seededIds('host'), log, ...more })
  return { clock, log, listener, [Symbol.asyncDispose]: () => listener.close() }
}

const echo = (stream: Duplex) => { stream.pipe(stream) }

test('who was invited is let in, and bytes go both ways over TLS 1.3', async () => {
  await using at = await host()
  const stream = await connectData(at.listener.invite('console', echo), SECRET, systemClock)
  assert.equal((stream as unknown as { getProtocol(): string }).getProtocol(), 'TLSv1.3')
  stream.end('hello')
  assert.equal(await text(stream), 'hello')
})

test('a ticket opens one connection', async () => {
  await using at = await host()
  const invitation = at.listener.invite('console', echo)
  const first = await connectData(invitation, SECRET, systemClock)
  await assert.rejects(connectData(invitation, SECRET, systemClock), UNREACHABLE)
  first.end('still here')
  assert.equal(await text(first), 'still here')
})

test('of two who come with one ticket at once, one is let in', async () => {
  let taken = 0
  await using at = await host()
  const invitation = at.listener.invite('console', stream => { taken++; stream.end('welcome') })
  const both = await Promise.all([1, 2].map(() => connectData(invitation, SECRET, systemClock).then(text, error => { assert.ok(UNREACHABLE(error)); return '' }).catch(() => '')))
  assert.deepEqual([taken, both.toSorted()], [1, ['', 'welcome']])
})

test('a ticket is of no use without the secret, and is not spent by trying', async () => {
  await using at = await host()
  const invitation = at.listener.invite('console', stream => stream.end('welcome'))
  await assert.rejects(connectData(invitation, 'another secret', systemClock), UNREACHABLE)
  assert.equal(await text(await connectData(invitation, SECRET, systemClock)), 'welcome')
})

test('a ticket ends after 30 s, and with the process that made it', async () => {
  await using at = await host()
  const late = at.listener.invite('console', echo)
  await at.clock.advance(30_000)
  await assert.rejects(connectData(late, SECRET, systemClock), UNREACHABLE)
  const before = at.listener.invite('console', echo)
  await at.listener.close()
  await using again = await host({ port: before.port, ids: seededIds('again') })
  await assert.rejects(connectData(before, SECRET, systemClock), UNREACHABLE)
  assert.equal(again.listener.port, before.port)
})

test('made-up tickets, none, other TLS and other protocols are refused, and the log has no ticket', async () => {
  await using at = await host({ limits: { handshake: 200 } })
  const invitation = at.listener.invite('console', echo)
  const { port } = invitation
  await assert.rejects(connectData({ ...invitation, ticket: `volume/${invitation.ticket.split('/')[1]}` }, SECRET, systemClock), UNREACHABLE)
  for (const options of [{}, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-PSK-CHACHA20-POLY1305', pskCallback: () => ({ psk: linkKey(SECRET, invitation.ticket), identity: invitation.ticket }) }] as const) {
    const [error] = await once(connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }), 'error').catch((thrown: unknown) => [thrown]) as [Error]
    assert.ok(error instanceof Error)
  }
  const talker = connectPlain({ host: '127.0.0.1', port })
  talker.end('GET / HTTP/1.1\r\n\r\n')
  assert.doesNotMatch(await text(talker).catch(() => ''), /HTTP/)
  const silent = connectPlain({ host: '127.0.0.1', port })
  silent.on('error', () => {})
  await once(silent, 'close')
  const refused = at.log.lines.filter(line => line.message === 'a connection to the data listener was refused')
  assert.ok(refused.length >= 4, JSON.stringify(at.log.lines))
  assert.ok(!JSON.stringify(at.log.lines).includes(invitation.ticket.split('/')[1]!))
})

test('a listener has room for so many, and no more', async () => {
  await using at = await host({ limits: { connections: 2 } })
  const invitations = [at.listener.invite('console', echo), at.listener.invite('console', echo)]
  assert.throws(() => at.listener.invite('console', echo), error => isFault(error, 'data.busy'))
  const open = await Promise.all(invitations.map(one => connectData(one, SECRET, systemClock)))
  await assert.rejects(connectData(at.listener.invite('console', echo), SECRET, systemClock), UNREACHABLE)
  for (const stream of open) stream.destroy()
})

test('one subject takes so many places and no more, until a link of its ends or an invitation expires; the others have theirs', async () => {
  await using at = await host({ limits: { subject: 2 } })
  const invite = (subject: string) => at.listener.invite('console', echo, subject)
  const isBusy = (error: unknown) => isFault(error, 'data.busy') && error.message === 'The host has 2 connections about one open or awaited already. Close one, or try again later.'
  const stream = await connectData(invite('one'), SECRET, systemClock)
  stream.write('here')
  await once(stream, 'data')
  invite('one')
  assert.throws(() => invite('one'), isBusy)
  invite('other')
  await at.clock.advance(30_000)
  invite('one')
  assert.throws(() => invite('one'), isBusy)
  stream.end()
  assert.equal(await text(stream), '')
  const left = () => { try { return invite('one') } catch { return undefined } }
  while (!left()) await new Promise(resolve => { setImmediate(resolve) })
})

test('a connection that cannot be accepted ends neither the process nor the listener', async () => {
  const listening = Promise.withResolvers<Server>()
  const heard = (message: unknown) => listening.resolve((message as { server: Server }).server)
  subscribe('tracing:net.server.listen:asyncEnd', heard)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => { unsubscribe('tracing:net.server.listen:asyncEnd', heard) })
  await using at = await host()
  const server = await listening.promise
  for (let n = 0; n < 2; n++) server.emit('error', new Error('accept EMFILE'))
  assert.deepEqual(at.log.lines.map(line => [line.message, line.fields['reason']]), Array.from({ length: 2 }, () => ['the data listener failed to accept a connection', 'accept EMFILE']))
  assert.equal(await text(await connectData(at.listener.invite('console', stream => stream.end('welcome')), SECRET, systemClock)), 'welcome')
})

test('a link on which nothing moves ends', async () => {
  await using at = await host({ limits: { idle: 100 } })
  const stream = await connectData(at.listener.invite('console', echo), SECRET, systemClock)
  assert.equal(await text(stream), '')
})

test('when one of two joined streams ends, the other gets what was sent and ends; when one breaks, the other does', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-link-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(directory, { recursive: true }))
  const guest = createServer(socket => { socket.end('bye') })
  guest.listen(join(directory, 'guest'))
  undo.defer(() => { guest.close() })
  await once(guest, 'listening')
  await using at = await host()
  const ended = Promise.withResolvers<void>()
  const open = async () => connectData(at.listener.invite('console', stream => {
    void connectUnix(join(directory, 'guest'), systemClock).then(socket => joinStreams(stream, socket, systemClock, () => ended.resolve()))
  }), SECRET, systemClock)
  assert.equal(await text(await open()), 'bye')
  await ended.promise
  await assert.rejects(connectUnix(join(directory, 'nobody'), systemClock), UNREACHABLE)

  const [one, other] = [new Duplex({ read() {}, write(_chunk, _encoding, done) { done() } }), new PassThrough()]
  const closed = once(other, 'close')
  joinStreams(one, other, systemClock)
  one.destroy(new Error('gone'))
  await closed
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../clock/index.ts'
import { Fault, isFault } from '../errors/index.ts'
import { memoryLog } from '../log/index.ts'
import { client, type Contract, contract, type Fate, LocalTransport, RemoteError } from './index.ts'

interface GuestAgent {
  look(request: { serverId: string, generation: number }): Promise<void>
  console(request: { lines: number }): Promise<{ text: string }>
}
const guestAgent = contract<GuestAgent>('guest-agent', '1.0', { look: { kind: 'cast', since: '1.0' }, console: { kind: 'call', since: '1.0', deadlineMs: 5000 } })

interface NewerGuestAgent extends GuestAgent {
  pause(request: { serverId: string }): Promise<void>
}
const newerGuestAgent = contract<NewerGuestAgent>('guest-agent', '1.1', { ...guestAgent.methods, pause: { kind: 'call', since: '1.1' } })

const quietAgent: GuestAgent = { look: async () => {}, console: async () => ({ text: '' }) }
const settled = () => new Promise(resolve => setImmediate(resolve))

function wires(fate?: () => Fate) {
  const [clock, log] = [new ManualClock(), memoryLog()]
  return { clock, log, rpc: new LocalTransport({ clock, log, ...(fate && { fate }) }) }
}

test('a call brings the answer back and shares nothing with who answered', async () => {
  const { rpc, clock } = wires()
  const answer = { text: 'login:', unset: undefined }
  const asked: unknown[] = []
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async request => { asked.push(request); return answer } })
  const request = { lines: 3 }
  const got = await client(guestAgent, rpc, 'host1').console(request)
  assert.deepEqual(got, { text: 'login:' })
  assert.deepEqual(asked, [{ lines: 3 }])
  assert.notEqual(asked[0], request)
  assert.notEqual(got, answer)
  assert.equal(clock.waiting, 0)
})

test('a fault of an agent reaches the controller with its kind, code, message and detail', async () => {
  const { rpc, log } = wires()
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { throw new Fault('conflict', 'nova.server.locked', 'locked', { detail: { by: 'admin', at: new Map() } }) } })
  await assert.rejects(client(guestAgent, rpc, 'host1').console({ lines: 1 }), (error: unknown) => {
    assert.ok(isFault(error))
    const { kind, code, message, detail } = error
    assert.deepEqual({ kind, code, message, detail }, { kind: 'conflict', code: 'nova.server.locked', message: 'locked', detail: { by: 'admin', at: '[object Map]' } })
    return true
  })
  assert.deepEqual(log.lines, [])
})

test('a bug of an agent is logged where it happened and is no fault to the controller', async () => {
  const { rpc, log } = wires()
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { throw new RangeError('off by one') } })
  await assert.rejects(client(guestAgent, rpc, 'host1').console({ lines: 1 }), error => error instanceof RemoteError && error.message === 'guest-agent.console at host1: off by one')
  assert.deepEqual(log.lines.map(l => [l.level, l.message]), [['error', 'guest-agent.console failed: off by one']])
})

test('a cast is handed over at once and never throws what its receiver throws', async () => {
  const { rpc, log } = wires()
  const seen: number[] = []
  rpc.serve(guestAgent, 'host1', { ...quietAgent, look: async ({ generation }) => { seen.push(generation); throw new Fault('conflict', 'x.y', 'no') } })
  const agent = client(guestAgent, rpc, 'host1')
  await agent.look({ serverId: 's1', generation: 1 })
  await agent.look({ serverId: 's1', generation: 2 })
  await client(guestAgent, rpc, 'nowhere').look({ serverId: 's1', generation: 3 })
  await settled()
  assert.deepEqual(seen, [1, 2])
  assert.deepEqual(log.lines.map(l => l.level).toSorted(), ['debug', 'warn', 'warn'])
})

test('calling a host that nobody answers for is unavailable at once', async () => {
  const { rpc, clock } = wires()
  await assert.rejects(client(guestAgent, rpc, 'gone').console({ lines: 1 }), e => isFault(e, 'rpc.unreachable') && e.kind === 'unavailable')
  assert.equal(clock.waiting, 0)
})

test('a call that is not answered is unavailable at its deadline', async () => {
  const { rpc, clock } = wires()
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: () => new Promise(() => {}) })
  const errors: unknown[] = []
  void client(guestAgent, rpc, 'host1').console({ lines: 1 }).catch((e: unknown) => { errors.push(e) })
  await settled()
  await clock.advance(4999)
  assert.deepEqual(errors, [])
  await clock.advance(1)
  assert.deepEqual(errors, [new Fault('unavailable', 'rpc.deadline', 'guest-agent.console at host1 did not answer within 5000 ms')])
})

test('a call to an agent that is older than the method is refused before it is sent, and by the agent too', async () => {
  const { rpc } = wires()
  const seen: string[] = []
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { seen.push('console'); return { text: '' } } })
  const newer = client(newerGuestAgent, rpc, 'host1')
  await newer.console({ lines: 1 })
  await assert.rejects(newer.pause({ serverId: 's1' }), e => isFault(e, 'rpc.peerTooOld') && e.message === 'guest-agent.pause needs version 1.1; host1 speaks 1.0')
  const reply = await rpc.request({ contract: 'guest-agent', since: '1.1', target: 'host1', method: 'pause', body: '{}', deadlineMs: 1000 })
  assert.equal(reply.outcome, 'fault')
  assert.deepEqual(seen, ['console'])
})

test('only methods of the contract are answered, whatever else the object can do', async () => {
  const { rpc } = wires()
  rpc.serve(guestAgent, 'host1', Object.assign(quietAgent, { formatDisk: async () => 'gone' }))
  for (const method of ['formatDisk', 'constructor', '__proto__', 'toString']) {
    const reply = await rpc.request({ contract: 'guest-agent', since: '1.0', target: 'host1', method, body: '{}', deadlineMs: 1000 })
    assert.equal(reply.outcome === 'fault' && (JSON.parse(reply.body) as { code: string }).code, 'rpc.unknownMethod', method)
  }
})

test('what JSON would change in silence is refused where it is written', async () => {
  const { rpc } = wires()
  const answers: unknown[] = [new Date(0), { at: new Map() }, [undefined], { n: Number.NaN }, { n: 1n }, { f() {} }, Buffer.from('x')]
  rpc.serve(guestAgent, 'host1', { ...quietAgent, console: async () => answers.shift() as { text: string } })
  const agent = client(guestAgent, rpc, 'host1')
  for (const what of ['a Date', 'a Map', 'undefined in an array', 'NaN', 'a bigint', 'a function', 'a Buffer']) {
    await assert.rejects(agent.console({ lines: 1 }), e => e instanceof RemoteError && e.message.includes(`${what} cannot travel`), what)
  }
  await assert.rejects(agent.console({ lines: Infinity }), e => e instanceof TypeError && e.message.startsWith("Infinity cannot travel (at 'lines')"))
})

test('a message may be lost, repeated and overtaken, as the simulation decides', async () => {
  const fates: Fate[] = [{ times: 0, delayMs: 0 }, { times: 2, delayMs: 10 }, { times: 1, delayMs: 5 }]
  const { rpc, clock } = wires(() => fates.shift()!)
  const seen: number[] = []
  rpc.serve(guestAgent, 'host1', { ...quietAgent, look: async ({ generation }) => { seen.push(generation) } })
  const agent = client(guestAgent, rpc, 'host1')
  for (const generation of [1, 2, 3]) await agent.look({ serverId: 's1', generation })
  await clock.advance(10)
  assert.deepEqual(seen, [3, 2, 2])
})

test('an agent that closes answers what it took and takes nothing more', async () => {
  const { rpc } = wires()
  const { promise, resolve } = Promise.withResolvers<{ text: string }>()
  const serving = rpc.serve(guestAgent, 'host1', { ...quietAgent, console: () => promise })
  assert.throws(() => rpc.serve(guestAgent, 'host1', quietAgent), /already served at host1/)
  const agent = client(guestAgent, rpc, 'host1')
  const answer = agent.console({ lines: 1 })
  await settled()
  const closed = serving.close()
  await assert.rejects(agent.console({ lines: 1 }), e => isFault(e, 'rpc.unreachable'))
  resolve({ text: 'last words' })
  await closed
  assert.deepEqual(await answer, { text: 'last words' })
})

test('a contract whose table is newer than its version cannot be declared', () => {
  const later = { ...guestAgent.methods, look: { kind: 'cast', since: '1.1' } } as Contract<GuestAgent>['methods']
  assert.throws(() => contract<GuestAgent>('guest-agent', '1.0', later), /'look' is since 1.1/)
  assert.throws(() => contract<GuestAgent>('GuestAgent', '1.0', guestAgent.methods), /kebab-case/)
})

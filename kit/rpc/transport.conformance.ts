// What every transport promises, run on each of them.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { ManualClock } from '../clock/index.ts'
import { Fault, isFault } from '../errors/index.ts'
import type { Fields } from '../log/index.ts'
import { until } from '../testing/until.ts'
import { client, contract, refuseOldPeer, RemoteError, type Transport } from './index.ts'

/** An agent, as the tests know it: one cast and one call of five seconds. */
export interface GuestAgent {
  look(request: { serverId: string, generation: number }): Promise<void>
  console(request: { lines: number }): Promise<{ text: string }>
}
/** Its contract. */
export const guestAgent = contract<GuestAgent>('guest-agent', '1.0', { look: { kind: 'cast', since: '1.0' }, console: { kind: 'call', since: '1.0', deadlineMs: 5000 } })
/** One that does nothing. */
export const quietAgent: GuestAgent = { look: async () => {}, console: async () => ({ text: '' }) }

interface NewerGuestAgent extends GuestAgent {
  pause(request: { serverId: string }): Promise<void>
}
const newerGuestAgent = contract<NewerGuestAgent>('guest-agent', '1.1', { ...guestAgent.methods, pause: { kind: 'call', since: '1.1' } })

/** A contract of casts only. */
export interface Bell {
  rang(request: { resourceId: string }): Promise<void>
}
/** Its table. */
export const bell = contract<Bell>('bell', '1.0', { rang: { kind: 'cast', since: '1.0' } })

/** A cloud of three parts; in one process all three have one transport. */
export interface Wires {
  readonly caller: Transport
  readonly agent: Transport
  readonly neighbour: Transport
  /** Of deadlines. */
  readonly clock: ManualClock
  /** What all three logged, in order. */
  readonly log: { readonly lines: readonly { readonly level: string, readonly message: string, readonly fields: Fields }[] }
  /** Resolves when everything served can be called. */
  ready(): Promise<void>
}

/** Runs the suite on what `open` gives. */
export function testTransport(name: string, open: (t: TestContext) => Promise<Wires>): void {
  const on = (title: string, run: (wires: Wires, t: TestContext) => Promise<void>) => { void test(`${title} (${name})`, async t => run(await open(t), t)) }

  on('a call brings the answer back and shares nothing with who answered', async ({ caller, agent, clock, ready }) => {
    const answer = { text: 'login:', unset: undefined }
    const asked: unknown[] = []
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: async request => { asked.push(request); return answer } })
    await ready()
    const request = { lines: 3 }
    const got = await client(guestAgent, caller, 'host1').console(request)
    assert.deepEqual(got, { text: 'login:' })
    assert.deepEqual(asked, [{ lines: 3 }])
    assert.notEqual(asked[0], request)
    assert.notEqual(got, answer)
    assert.equal(clock.waiting, 0)
  })

  on('a fault of an agent reaches the controller with its kind, code, message and detail', async ({ caller, agent, log, ready }) => {
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { throw new Fault('conflict', 'nova.server.locked', 'locked', { detail: { by: 'admin', at: new Map() } }) } })
    await ready()
    const before = log.lines.length
    await assert.rejects(client(guestAgent, caller, 'host1').console({ lines: 1 }), (error: unknown) => {
      assert.ok(isFault(error))
      const { kind, code, message, detail } = error
      assert.deepEqual({ kind, code, message, detail }, { kind: 'conflict', code: 'nova.server.locked', message: 'locked', detail: { by: 'admin', at: '[object Map]' } })
      return true
    })
    assert.deepEqual(log.lines.slice(before), [])
  })

  on('a bug of an agent is logged where it happened and is no fault to the controller', async ({ caller, agent, log, ready }) => {
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { throw new RangeError('off by one') } })
    await ready()
    await assert.rejects(client(guestAgent, caller, 'host1').console({ lines: 1 }), error => error instanceof RemoteError && error.message === 'guest-agent.console at host1: off by one')
    assert.deepEqual(log.lines.filter(line => line.level !== 'info').map(line => [line.level, line.message]), [['error', 'guest-agent.console failed: off by one']])
  })

  on('a cast is handed over at once and never throws what its receiver throws', async ({ caller, agent, log, ready }) => {
    const seen: number[] = []
    agent.serve(guestAgent, 'host1', { ...quietAgent, look: async ({ generation }) => { seen.push(generation); throw new Fault('conflict', 'x.y', 'no') } })
    await ready()
    const host = client(guestAgent, caller, 'host1')
    await host.look({ serverId: 's1', generation: 1 })
    await host.look({ serverId: 's1', generation: 2 })
    await client(guestAgent, caller, 'nowhere').look({ serverId: 's1', generation: 3 })
    const told = () => log.lines.map(line => line.level).filter(level => level !== 'info').toSorted()
    await until('both casts are refused, and one finds nobody', () => told().length >= 3)
    assert.deepEqual([seen, told()], [[1, 2], ['debug', 'warn', 'warn']])
  })

  on('calling a host that nobody answers for is unavailable at once', async ({ caller, clock, ready }) => {
    await ready()
    await assert.rejects(client(guestAgent, caller, 'gone').console({ lines: 1 }),
      e => isFault(e, 'rpc.unreachable') && e.kind === 'unavailable' && e.message === 'nobody answers guest-agent.console at gone')
    assert.equal(clock.waiting, 0)
  })

  on('a call that is not answered is unavailable at its deadline', async ({ caller, agent, clock, ready }) => {
    let asked = 0
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: () => { asked++; return new Promise(() => {}) } })
    await ready()
    const errors: unknown[] = []
    void client(guestAgent, caller, 'host1').console({ lines: 1 }).catch((e: unknown) => { errors.push(e) })
    await until('the agent is asked', () => asked === 1)
    await clock.advance(4999)
    assert.deepEqual(errors, [])
    await clock.advance(1)
    assert.deepEqual(errors, [new Fault('unavailable', 'rpc.deadline', 'guest-agent.console at host1 did not answer within 5000 ms')])
  })

  on('a call to an agent that is older than the method is refused before it is sent, and by the agent too', async ({ caller, agent, ready }) => {
    const seen: string[] = []
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: async () => { seen.push('console'); return { text: '' } } })
    await ready()
    const newer = client(newerGuestAgent, caller, 'host1')
    await newer.console({ lines: 1 })
    assert.equal(caller.spokenBy('guest-agent', 'host1'), '1.0')
    await assert.rejects(newer.pause({ serverId: 's1' }), e => isFault(e, 'rpc.peerTooOld') && e.message === 'guest-agent.pause needs version 1.1; host1 speaks 1.0')
    const about = { contract: 'guest-agent', since: '1.1', what: 'a guest with a camera' } as const
    assert.throws(() => refuseOldPeer(caller, { ...about, target: 'host1' }), e => isFault(e, 'rpc.peerTooOld') && e.message === 'a guest with a camera needs version 1.1; host1 speaks 1.0')
    refuseOldPeer(caller, { ...about, since: '1.0', target: 'host1' })
    refuseOldPeer(caller, { ...about, target: 'host2' })
    const reply = await caller.request({ contract: 'guest-agent', since: '1.1', target: 'host1', method: 'pause', body: '{}', deadlineMs: 1000 })
    assert.equal(reply.outcome, 'fault')
    assert.deepEqual(seen, ['console'])
    assert.equal(caller.spokenBy('guest-agent', 'host2'), undefined)
  })

  on('only methods of the contract are answered, whatever else the object can do', async ({ caller, agent, ready }) => {
    agent.serve(guestAgent, 'host1', Object.assign({ ...quietAgent }, { formatDisk: async () => 'gone' }))
    await ready()
    for (const method of ['formatDisk', 'constructor', '__proto__', 'toString']) {
      const reply = await caller.request({ contract: 'guest-agent', since: '1.0', target: 'host1', method, body: '{}', deadlineMs: 1000 })
      assert.equal(reply.outcome === 'fault' && (JSON.parse(reply.body) as { code: string }).code, 'rpc.unknownMethod', method)
    }
  })

  on('what JSON would change in silence is refused where it is written', async ({ caller, agent, ready }) => {
    const answers: unknown[] = [new Date(0), { at: new Map() }, [undefined], { n: Number.NaN }, { n: 1n }, { f() {} }, Buffer.from('x')]
    agent.serve(guestAgent, 'host1', { ...quietAgent, console: async () => answers.shift() as { text: string } })
    await ready()
    const host = client(guestAgent, caller, 'host1')
    for (const what of ['a Date', 'a Map', 'undefined in an array', 'NaN', 'a bigint', 'a function', 'a Buffer']) {
      await assert.rejects(host.console({ lines: 1 }), e => e instanceof RemoteError && e.message.includes(`${what} cannot travel`), what)
    }
    await assert.rejects(host.console({ lines: Infinity }), e => e instanceof TypeError && e.message.startsWith("Infinity cannot travel (at 'lines')"))
  })

  on('an agent that closes answers what it took and takes nothing more', async ({ caller, agent, ready }) => {
    const { promise, resolve } = Promise.withResolvers<{ text: string }>()
    let asked = 0
    const serving = agent.serve(guestAgent, 'host1', { ...quietAgent, console: () => { asked++; return promise } })
    assert.throws(() => agent.serve(guestAgent, 'host1', quietAgent), /already served at host1/)
    await ready()
    const host = client(guestAgent, caller, 'host1')
    const answer = host.console({ lines: 1 })
    await until('the agent is asked', () => asked === 1)
    const closed = serving.close()
    resolve({ text: 'last words' })
    await closed
    assert.deepEqual(await answer, { text: 'last words' })
    await assert.rejects(host.console({ lines: 1 }), e => isFault(e, 'rpc.unreachable'))
    assert.equal(asked, 1)
  })

  on('a bell for each is heard by everybody there, also by several in one process, until they close', async ({ caller, agent, neighbour, ready }) => {
    const heard: string[] = []
    const ear = (who: string): Bell => ({ rang: async ({ resourceId }) => { heard.push(`${who} ${resourceId}`) } })
    agent.serve(bell, 'nova', ear('one'), { each: true })
    agent.serve(bell, 'nova', ear('two'), { each: true })
    const serving = neighbour.serve(bell, 'nova', ear('three'), { each: true })
    assert.throws(() => agent.serve(bell, 'nova', ear('four')), /already served at nova/)
    await ready()
    await client(bell, caller, 'nova').rang({ resourceId: 'a' })
    await until('all three heard it', () => heard.length === 3)
    await serving.close()
    await client(bell, caller, 'nova').rang({ resourceId: 'b' })
    await until('the other two heard it', () => heard.length === 5)
    assert.deepEqual(heard.toSorted(), ['one a', 'one b', 'three a', 'two a', 'two b'])
  })

  on('what is called cannot be served for each: there would be several answers', async ({ agent }) => {
    assert.throws(() => agent.serve(guestAgent, 'host1', quietAgent, { each: true }), { name: 'TypeError', message: "guest-agent at host1: 'console' is a call, which only one may answer" })
  })
}

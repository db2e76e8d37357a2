// The transport over a real broker: what every transport promises, and what two processes on one bus see of each other.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { connect, type ConsumeMessage } from 'amqplib'
import { ManualClock, systemClock } from '../clock/index.ts'
import { isFault } from '../errors/index.ts'
import { systemIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { SHARED_QUEUE } from './amqp.ts'
import { brokerAddress, openLink } from './amqp-link.ts'
import { AmqpTransport, client } from './index.ts'
import { until } from '../testing/until.ts'
import { guestAgent, quietAgent, testTransport } from './transport.conformance.ts'

const url = process.env['ALTO_TEST_AMQP']
assert.ok(url, 'ALTO_TEST_AMQP names no broker: node tools/test.ts starts one')

/** A bus with three processes on it, and nothing else. */
async function wires(t: TestContext) {
  const [clock, log, cloud] = [new ManualClock(), memoryLog(), systemIds.hex()]
  const [caller, agent, neighbour] = ['caller', 'agent', 'neighbour'].map(name => {
    const transport = new AmqpTransport({ url: url!, cloud, clock, ids: systemIds, log, name })
    t.after(() => transport.close())
    return transport
  }) as [AmqpTransport, AmqpTransport, AmqpTransport]
  return { cloud, caller, agent, neighbour, clock, log, ready: async () => { await Promise.all([caller.ready(), agent.ready(), neighbour.ready()]) } }
}

testTransport('over a broker', wires)

test('two controllers that serve one contract at one target share the calls', async t => {
  const { caller, agent, neighbour, ready } = await wires(t)
  const answered = { agent: 0, neighbour: 0 }
  agent.serve(guestAgent, 'nova', { ...quietAgent, console: async () => { answered.agent++; return { text: 'agent' } } })
  neighbour.serve(guestAgent, 'nova', { ...quietAgent, console: async () => { answered.neighbour++; return { text: 'neighbour' } } })
  await ready()
  await Promise.all(Array.from({ length: 20 }, () => client(guestAgent, caller, 'nova').console({ lines: 1 })))
  assert.equal(answered.agent + answered.neighbour, 20)
  assert.ok(answered.agent > 0 && answered.neighbour > 0, JSON.stringify(answered))
})

test('a controller that closes leaves no call of the other controllers unanswered', async t => {
  const { caller, agent, neighbour, ready } = await wires(t)
  const serving = agent.serve(guestAgent, 'nova', quietAgent)
  neighbour.serve(guestAgent, 'nova', quietAgent)
  await ready()
  const calls = Array.from({ length: 200 }, () => client(guestAgent, caller, 'nova').console({ lines: 1 }))
  await serving.close()
  calls.push(...Array.from({ length: 20 }, () => client(guestAgent, caller, 'nova').console({ lines: 1 })))
  assert.equal((await Promise.all(calls)).length, 220)
})

test('a call that a controller had taken when it died is answered by another', async t => {
  const { cloud, caller, agent, ready } = await wires(t)
  await ready()
  const [names, doomed] = [`alto.${cloud}`, await connect(url!)]                    // a controller that takes and never answers
  const channel = await doomed.createChannel()
  await channel.assertQueue(`${names}.guest-agent.nova`, SHARED_QUEUE)
  await channel.bindQueue(`${names}.guest-agent.nova`, names, 'guest-agent.nova')
  let taken = 0
  await channel.consume(`${names}.guest-agent.nova`, () => { taken++ })
  const answer = client(guestAgent, caller, 'nova').console({ lines: 1 })
  await until('it is taken', () => taken === 1)
  agent.serve(guestAgent, 'nova', { ...quietAgent, console: async () => ({ text: 'from the other' }) })
  await ready()
  await doomed.close()
  assert.deepEqual(await answer, { text: 'from the other' })
})

test('a connection whose channel the broker closed, or that is being closed, says at once that nothing can be sent: an answer that is ready just then ends nobody', async () => {
  const open = () => openLink(brokerAddress(url), 'links', systemClock, { blocked() {}, unblocked() {} })
  const link = await open()
  const closed = Promise.withResolvers<boolean>()
  link.answering.on('close', () => closed.resolve(link.isOpen))
  link.answering.ack({ fields: { deliveryTag: 7 } } as ConsumeMessage)            // there is no such message: the broker closes the channel
  assert.equal(await closed.promise, false)
  assert.match(await link.ended, /PRECONDITION_FAILED/)
  const other = await open()
  const closing = other.close()
  assert.equal(other.isOpen, false)
  await closing
})

test('a message of somebody else, or a broken one, is dropped and said so; who serves there goes on', async t => {
  const { cloud, caller, agent, log, ready } = await wires(t)
  const looked: unknown[] = []
  agent.serve(guestAgent, 'host1', { look: async request => { looked.push(request) }, console: async () => ({ text: 'login:' }) })
  await ready()
  const stranger = await connect(url!)
  const channel = await stranger.createChannel()
  const publish = (text: string, headers?: unknown) => channel.publish(`alto.${cloud}`, 'guest-agent.host1', Buffer.from(text), { ...(headers !== undefined && { headers }) })
  const since = '1.0'
  publish('{}')
  for (const headers of [{}, { method: 'look' }, { method: 7, since }, { method: 'look', since: 'new' }, { method: 'console', since, deadlineMs: 'soon' }, { method: 'console', since, deadlineMs: -1 }]) publish('{}', headers)
  publish('{"serverId":', { method: 'look', since })
  await until('all eight are dropped', () => log.lines.filter(line => line.level === 'warn').length === 8)
  await stranger.close()
  assert.deepEqual([...new Set(log.lines.filter(line => line.level === 'warn').map(line => line.message))], [
    'what came for guest-agent is no message of ours, and was dropped', 'a cast of guest-agent.look was refused: guest-agent.look at host1 was sent what is no JSON',
  ])
  assert.deepEqual(await client(guestAgent, caller, 'host1').console({ lines: 1 }), { text: 'login:' })
  assert.deepEqual(looked, [])
})

test('clouds share a broker and do not hear each other', async t => {
  const [here, there] = [await wires(t), await wires(t)]
  there.agent.serve(guestAgent, 'host1', quietAgent)
  await Promise.all([here.ready(), there.ready()])
  await assert.rejects(client(guestAgent, here.caller, 'host1').console({ lines: 1 }), /nobody answers guest-agent\.console at host1/)
})

test('what is called a bus and is none is refused without repeating its password', () => {
  for (const wrong of ['redis://nova:hush@broker', 'amqp:hush', 'hush']) {
    assert.throws(() => new AmqpTransport({ url: wrong, cloud: 'c', clock: new ManualClock(), ids: systemIds }), (error: unknown) => isFault(error) && error.code === 'rpc.badUrl' && !error.message.includes('hush'))
  }
})

test('a broker that refuses the password is asked again and again, and the log does not tell the password', async t => {
  const [clock, log] = [new ManualClock(), memoryLog()]
  const wrong = new URL(url!)
  wrong.password = 'hush'
  const transport = new AmqpTransport({ url: wrong.href, cloud: 'c', clock, ids: systemIds, log })
  t.after(() => transport.close())
  await until('it is refused', () => log.lines.some(line => /ACCESS_REFUSED/.test(String(line.fields['reason']))))
  await clock.advance(1000)
  await until('it is refused again', () => log.lines.filter(line => /ACCESS_REFUSED/.test(String(line.fields['reason']))).length >= 2)
  assert.ok(!JSON.stringify(log.lines).includes('hush'))
})

// The bus goes away, in every way that it can: nothing hangs, nothing is forgotten, and what was served is there again.
import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { HostAgent } from '@alto/kit/agent'
import { systemClock } from '@alto/kit/clock'
import { isFault } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { memoryLog } from '@alto/kit/log'
import { AmqpTransport, client, contract } from '@alto/kit/rpc'
import { stayAlive } from '@alto/kit/testing'
import { privateRabbitmq, type PrivateRabbitmq } from '@alto/tools/private-rabbitmq'

interface Row { readonly generation: number, readonly epoch: number }
interface Control {
  desired(request: { cursor: number }): Promise<{ orders: { id: string, order: { wanted: Row } }[], cursor: number }>
  heartbeat(request: { host: string }): Promise<{ databaseEpoch: number }>
}
const control = contract<Control>('control', '1.0', { desired: { kind: 'call', since: '1.0' }, heartbeat: { kind: 'call', since: '1.0' } })

interface Agent {
  look(request: { id: string }): Promise<void>
  work(request: { deed: string }): Promise<{ done: string }>
}
const agent = contract<Agent>('agent', '1.0', { look: { kind: 'cast', since: '1.0' }, work: { kind: 'call', since: '1.0' } })

let broker: PrivateRabbitmq
let alive: Disposable
before(async () => {
  alive = stayAlive()
  const started = await privateRabbitmq()
  assert.ok(started, 'this machine has no RabbitMQ (package rabbitmq-server)')
  broker = started
})
after(async () => {
  await broker[Symbol.asyncDispose]()
  alive[Symbol.dispose]()
})

/** Two processes on the bus. */
async function processes(t: TestContext, url = broker.url) {
  const [cloud, log] = [systemIds.hex(), memoryLog()]
  const [here, there] = ['here', 'there'].map(name => {
    const transport = new AmqpTransport({ url, cloud, clock: systemClock, ids: systemIds, log, name })
    t.after(() => transport.close())
    return transport
  }) as [AmqpTransport, AmqpTransport]
  return { here, there, log, ready: () => Promise.all([here.ready(), there.ready()]) }
}

async function until(what: string, withinMs: number, condition: () => boolean | Promise<boolean>): Promise<number> {
  const began = systemClock.now()
  while (!await condition()) {
    assert.ok(systemClock.now() - began < withinMs, `not within ${withinMs} ms: ${what}`)
    await systemClock.sleep(10)
  }
  return systemClock.now() - began
}

const unreachable = (error: unknown) => isFault(error, 'rpc.unreachable') && error.kind === 'unavailable'

test('a call over which the broker is killed ends at once, one without a broker at its deadline, and two seconds after its return all is as before', async t => {
  const { here, there, ready } = await processes(t)
  const deeds: string[] = []
  const late = Promise.withResolvers<{ done: string }>()
  there.serve(agent, 'host1', { look: async () => {}, work: ({ deed }) => { deeds.push(deed); return deed === 'forever' ? late.promise : Promise.resolve({ done: deed }) } })
  await ready()
  const host = client(agent, here, 'host1', { deadlineMs: 30_000 })
  const caught = host.work({ deed: 'forever' }).catch((error: unknown) => error)
  await until('the agent works', 5_000, () => deeds.length === 1)
  await broker.kill()
  const died = systemClock.now()
  assert.ok(unreachable(await caught), 'the call that was under way is told')
  assert.ok(systemClock.now() - died < 2_000, 'at once')
  await assert.rejects(client(agent, here, 'host1', { deadlineMs: 300 }).work({ deed: 'too early' }), unreachable)
  await host.look({ id: 's1' })                         // dropped
  const patient = host.work({ deed: 'patient' }).then(() => 'done', (error: unknown) => unreachable(error) ? 'nobody yet' : String(error))
  await broker.start()
  const back = await until('the agent answers', 2_000, async () => host.work({ deed: 'again' }).then(() => true, () => false))
  t.diagnostic(`answered ${back} ms after the broker was back`)
  assert.match(await patient, /^done$|^nobody yet$/)    // it went with the first connection, which may have been there before the agent's
  const outage = systemClock.now() - died
  const silentSince = systemClock.now() - here.heardAgo(60_000)
  assert.ok(silentSince > 60_000 + outage - back - 3_000, `a host is given ${silentSince} ms, after ${outage} ms without the bus`)
  late.resolve({ done: 'at last' })
})

test('what was wanted while the broker was away is done by the agent after it came back', async t => {
  const { here, there, log, ready } = await processes(t)
  const rows = new Map([['s1', 1]])
  here.serve(control, 'nova', {
    desired: async () => ({ orders: [...rows].map(([id, generation]) => ({ id, order: { wanted: { generation, epoch: 1 } } })), cursor: 0 }),
    heartbeat: async () => ({ databaseEpoch: 1 }),
  })
  const seen = new Map<string, number>()
  const nova = client(control, there, 'nova', { deadlineMs: 5_000 })
  let noted = 0
  const host = new HostAgent<Row, Row>({
    clock: systemClock, log, looksAgain: false, pollMs: 500, heartbeatMs: 500,
    desired: cursor => nova.desired({ cursor }), heartbeat: () => nova.heartbeat({ host: 'host1' }),
    databaseEpoch: { read: async () => noted, write: async epoch => { noted = epoch } },
    keeping: id => ({ log, keeping: {
      async converge(attempt) {
        const { order } = attempt.next()
        if ('wanted' in order) seen.set(id, order.wanted.generation)
      },
      fail: async () => {}, interrupts: () => false,
    } }),
  })
  there.serve(agent, 'host1', { look: ({ id }) => host.look(id), work: async ({ deed }) => ({ done: deed }) })
  await ready()
  await host.start()
  await until('the agent keeps s1', 5_000, () => seen.get('s1') === 1)
  await broker.kill()
  rows.set('s1', 2).set('s2', 1)
  await client(agent, here, 'host1').look({ id: 's2' })
  await until('the agent notices that it asks nobody', 10_000, () => log.lines.some(line => line.message === 'the controller did not say what it wants'))
  await broker.start()
  const back = await until('the agent keeps both', 5_000, () => seen.get('s1') === 2 && seen.get('s2') === 1)
  t.diagnostic(`converged ${back} ms after the broker was back`)
  await host.stop()
})

test('after a restart of the broker a host that did not come back is nobody at once; one that comes back is found', async t => {
  const { here, there, ready } = await processes(t)
  const answers = { look: async () => {}, work: async ({ deed }: { deed: string }) => ({ done: deed }) }
  const serving = there.serve(agent, 'host1', answers)
  await ready()
  const host = client(agent, here, 'host1', { deadlineMs: 60_000 })
  assert.deepEqual(await host.work({ deed: 'first' }), { done: 'first' })
  await broker.kill()
  await serving.close()
  await broker.start()
  await here.ready()
  const began = systemClock.now()
  await assert.rejects(host.work({ deed: 'too early' }), error => unreachable(error) && /nobody answers/.test((error as Error).message))
  assert.ok(systemClock.now() - began < 2_000)
  there.serve(agent, 'host1', answers)
  await ready()
  assert.deepEqual(await host.work({ deed: 'again' }), { done: 'again' })
})

test('a broker that freezes is noticed by its missing heartbeats, and closing does not wait for it', async t => {
  const { here, there, log, ready } = await processes(t)
  await ready()
  process.kill(broker.pid!, 'SIGSTOP')
  t.after(() => { process.kill(broker.pid!, 'SIGCONT') })
  const noticed = await until('both processes notice', 20_000, () => log.lines.filter(line => line.message === 'the bus was lost').length === 2)
  t.diagnostic(`noticed after ${noticed} ms`)
  const began = systemClock.now()
  await Promise.all([here.close(), there.close()])
  assert.ok(systemClock.now() - began < 8_000, 'a connection attempt ends by itself')
})

test('a broker that is short of memory takes nothing: calls end at their deadline, and closing does not hang', async t => {
  const scarce = await privateRabbitmq({ settings: ['vm_memory_high_watermark.absolute = 1MB'] })
  assert.ok(scarce)
  t.after(() => scarce[Symbol.asyncDispose]())
  const { here, there, log, ready } = await processes(t, scarce.url)
  there.serve(agent, 'host1', { look: async () => {}, work: async ({ deed }) => ({ done: deed }) })
  await ready()
  const host = client(agent, here, 'host1', { deadlineMs: 1_000 })
  await assert.rejects(host.work({ deed: 'one' }), error => isFault(error) && error.kind === 'unavailable')
  assert.ok(log.lines.some(line => line.message === 'the bus takes no messages'))
  await assert.rejects(host.work({ deed: 'two' }), unreachable)
  await host.look({ id: 's1' })
  const began = systemClock.now()
  await Promise.all([here.close(), there.close()])
  assert.ok(systemClock.now() - began < 5_000)
})

// The agent and its keepers on things that a test makes fail, hang and vanish, with a clock held by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { memoryLog } from '../log/index.ts'
import { type Attempt, type Failure, HostAgent, type Order, reportedFault, termsOf } from './index.ts'

type Row = { generation: number, epoch: number, what: string }
type End = { generation: number, epoch: number }

/** A controller with the rows of one thing, `t`, and a host whose work on it is `converge`. */
function host(converge: (attempt: Attempt<Order<Row, End>>) => Promise<void>, more: { looksAgain?: boolean, fail?: () => Promise<void> } = {}) {
  const clock = new ManualClock()
  const log = memoryLog()
  const rows: { order: Order<Row, End>, version: number }[] = []
  const it = { clock, log, asked: [] as number[], failures: [] as Failure[], databaseEpoch: 1, noted: 0, reachable: true }
  const agent = new HostAgent<Row, End>({
    clock, log, looksAgain: more.looksAgain ?? false,
    async desired(cursor) {
      it.asked.push(cursor)
      if (!it.reachable) throw new Fault('unavailable', 'test.away', 'nobody there')
      return { orders: rows.filter(({ order, version }) => version > cursor || 'tombstone' in order).map(({ order }) => ({ id: 't', order })), cursor: version }
    },
    heartbeat: async () => ({ databaseEpoch: it.databaseEpoch }),
    databaseEpoch: { read: async () => it.noted, write: async epoch => { it.noted = epoch } },
    keeping: () => ({ log, keeping: {
      converge,
      async fail(_order, failure) {
        it.failures.push(failure)
        await more.fail?.()
      },
      interrupts: next => 'tombstone' in next,
    } }),
  })
  let version = 0
  return Object.assign(it, {
    agent,
    /** Replaces the row without ringing. */
    write(order: Order<Row, End>) { rows.splice(0, rows.length, { order, version: ++version }) },
    forget() { rows.length = 0 },
    /** An old copy of the rows takes their place. */
    restore() { rows.length = 0; version = 0 },
    async within<T>(promise: Promise<T>): Promise<T> {
      let done = false
      void promise.finally(() => { done = true }).catch(() => {})
      for (let i = 0; !done && i < 100; i++) await clock.advance(10)
      assert.ok(done, 'it did not end within a second')
      return promise
    },
  })
}

const wanted = (generation: number, what = 'there', epoch = 1): Order<Row, End> => ({ wanted: { generation, epoch, what } })
const tombstone = (generation: number): Order<Row, End> => ({ tombstone: { generation, epoch: 1 } })
const final = () => new Fault('conflict', 'test.never', 'this can never be')

test('what is given while a failure is told is looked at afterwards, also after one that no repetition can mend', async () => {
  const seen: number[] = []
  const h = host(async attempt => {
    const { generation } = termsOf(attempt.next().order)
    seen.push(generation)
    if (generation === 1) throw final()
  }, { fail: async () => {
    h.write(wanted(2))
    await h.agent.look('t')
  } })
  h.write(wanted(1))
  await h.within(h.agent.start())
  await h.within(h.agent.idle())
  assert.deepEqual(seen, [1, 2])
  await h.within(h.agent.stop())
})

test('a bell is followed whenever it rings, the moment in which the answer to the last one is taken included', async () => {
  for (let turns = 0; turns < 12; turns++) {
    const seen: number[] = []
    const h = host(async attempt => { seen.push(termsOf(attempt.next().order).generation) })
    await h.within(h.agent.start())
    h.write(wanted(1))
    const first = h.agent.look('t')
    for (let i = 0; i < turns; i++) await Promise.resolve()
    h.write(wanted(2))
    await h.within(Promise.all([first, h.agent.look('t')]))
    await h.within(h.agent.idle())
    assert.equal(seen.at(-1), 2, `rung ${turns} turns after the first`)
    await h.within(h.agent.stop())
  }
})

test('nothing is at work when the agent has stopped, also when it was being told of more at that moment', async () => {
  for (let turns = 0; turns < 12; turns++) {
    let atWork = 0
    const h = host(async attempt => {
      const { signal } = attempt.next()
      atWork++
      await new Promise(resolve => { signal.addEventListener('abort', resolve, { once: true }) })
      atWork--
    })
    await h.within(h.agent.start())
    h.write(wanted(1))
    const told = h.agent.look('t')
    for (let i = 0; i < turns; i++) await Promise.resolve()
    await h.within(Promise.all([told, h.agent.stop()]))
    assert.equal(atWork, 0, `stopped ${turns} turns after the bell`)
  }
})

test('what no repetition can mend is not repeated until there is another order', async () => {
  let tries = 0
  const h = host(async attempt => {
    attempt.next()
    attempt.begin('lift')
    tries++
    throw final()
  })
  h.write(wanted(1))
  await h.within(h.agent.start())
  await h.clock.advance(60_000)
  await h.agent.look('t')
  await h.within(h.agent.idle())
  assert.equal(tries, 1)
  assert.deepEqual(h.failures.map(({ step, final: isFinal }) => ({ step, isFinal })), [{ step: 'lift', isFinal: true }])
  h.write(wanted(2))
  await h.agent.look('t')
  await h.within(h.agent.idle())
  assert.equal(tries, 2)
  await h.within(h.agent.stop())
})

test('what fails is tried again after a growing pause, which hints do not shorten and a newer order ends', async () => {
  const at: number[] = []
  const h = host(async attempt => {
    at.push(h.clock.now())
    if (termsOf(attempt.next().order).generation === 1) throw new Error('it jams')
  })
  h.write(wanted(1))
  await h.within(h.agent.start())
  for (let passed = 0; at.length < 3; passed += 10) {
    assert.ok(passed < 2000, 'it is tried again')
    h.agent.wake('t')
    await h.clock.advance(10)
  }
  const pauses = at.slice(1).map((time, i) => time - at[i]!)
  assert.ok(pauses[0]! >= 250 && pauses[0]! < 400 && pauses[1]! >= 500 && pauses[1]! < 700, `the pauses were ${pauses.join(', ')} ms`)
  h.write(wanted(2))
  const before = h.clock.now()
  await h.agent.look('t')
  await h.within(h.agent.idle())
  assert.ok(at[3]! - before < 900, 'the pause of a second ended early')
  assert.equal(h.log.lines.filter(line => line.message === 'a step failed').length, 3)
  await h.within(h.agent.stop())
})

test('an older order is refused, by generation and by epoch', async () => {
  const seen: string[] = []
  const h = host(async attempt => {
    const { order } = attempt.next()
    if ('wanted' in order) seen.push(order.wanted.what)
  })
  h.write(wanted(5, 'new', 3))
  await h.within(h.agent.start())
  for (const order of [wanted(4, 'older row', 3), wanted(6, 'older owner', 2)]) {
    h.write(order)
    await h.agent.look('t')
    await h.within(h.agent.idle())
  }
  assert.deepEqual([...new Set(seen)], ['new'])
  await h.within(h.agent.stop())
})

test('an order that makes the present step pointless interrupts it; two steps never overlap', async () => {
  let now = 0
  let most = 0
  const h = host(async attempt => {
    const { order, signal } = attempt.next()
    most = Math.max(most, ++now)
    try {
      if ('wanted' in order) await h.clock.sleep(10_000_000, signal)
    } finally { now-- }
  })
  h.write(wanted(1))
  await h.within(h.agent.start())
  h.write(tombstone(2))
  await h.agent.look('t')
  await h.within(h.agent.idle())
  assert.deepEqual([now, most, h.agent.orderOf('t')], [0, 1, tombstone(2)])
  await h.within(h.agent.stop())
})

test('absence is no order; a keeper goes when its thing is gone and so is the tombstone', async () => {
  const h = host(async attempt => { attempt.next() })
  h.write(wanted(1))
  await h.within(h.agent.start())
  h.forget()
  await h.agent.look('t')
  assert.deepEqual(h.agent.orderOf('t'), wanted(1))
  h.write(tombstone(2))
  await h.agent.look('t')
  await h.within(h.agent.idle())
  assert.deepEqual(h.agent.orderOf('t'), tombstone(2))
  h.forget()
  await h.agent.look('t')
  assert.equal(h.agent.orderOf('t'), undefined)
  await h.within(h.agent.stop())
})

test('a lost bell costs a poll interval; a controller that cannot be reached is asked again', async () => {
  const seen: number[] = []
  const h = host(async attempt => { seen.push(termsOf(attempt.next().order).generation) })
  h.reachable = false
  await h.within(h.agent.start())
  h.reachable = true
  h.write(wanted(1))
  await h.clock.advance(5000)
  await h.within(h.agent.idle())
  assert.deepEqual([seen, h.asked], [[1], [0, 0]])
  await h.within(h.agent.stop())
})

test('each poll looks again at things that change by themselves, and only at those', async () => {
  for (const looksAgain of [true, false]) {
    let looks = 0
    const h = host(async attempt => {
      attempt.next()
      looks++
    }, { looksAgain })
    h.write(wanted(1))
    await h.within(h.agent.start())
    await h.clock.advance(5000)
    await h.within(h.agent.idle())
    assert.equal(looks, looksAgain ? 2 : 1)
    await h.within(h.agent.stop())
  }
})

test('a controller whose database is older than one that this host has obeyed is asked for nothing', async () => {
  const h = host(async attempt => { attempt.next() })
  h.noted = 7
  await h.within(h.agent.start())
  assert.deepEqual(h.asked, [])
  h.databaseEpoch = 8
  await h.clock.advance(15_000)
  assert.ok(h.asked.length > 0, 'a newer database is obeyed')
  assert.equal(h.noted, 8)
  await h.within(h.agent.stop())
})

test('a controller whose rows have changed less often than was heard is not obeyed until the agent is started again', async () => {
  const obeyed: number[] = []
  const h = host(async attempt => { obeyed.push(termsOf(attempt.next().order).generation) })
  h.write(wanted(1))
  h.write(wanted(2))
  await h.within(h.agent.start())
  await h.within(h.agent.idle())
  h.restore()
  for (const generation of [3, 4, 5]) {
    h.write(wanted(generation))
    await h.agent.look('t')
    await h.within(h.agent.idle())
  }
  assert.deepEqual([...new Set(obeyed)], [2])
  assert.equal(h.log.lines.filter(line => JSON.stringify(line).includes('has lost changes')).length, 1)
  await h.within(h.agent.stop())
})

test('a failure is reported as its Fault, as a full host, or without details', () => {
  const words = { full: { code: 'full', message: 'no room' }, unforeseen: { code: 'odd', message: 'could not' } }
  const report = (error: unknown) => reportedFault({ step: 's', error, final: false }, words)
  assert.deepEqual([report(final()), report(Object.assign(new Error('write'), { code: 'ENOSPC' })), report(new Error('secret path'))].map(({ code, message }) => `${code}: ${message}`),
    ['test.never: this can never be', 'full: no room', 'odd: could not'])
})

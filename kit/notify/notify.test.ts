// Notifications over a real broker: what a listener of OpenStack reads, what waits for the broker, and what is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from 'amqplib'
import { systemClock } from '../clock/index.ts'
import { seededIds, systemIds } from '../ids/index.ts'
import { memoryLog } from '../log/index.ts'
import { stayAlive } from '../testing/alive.ts'
import { until } from '../testing/until.ts'
import { AmqpNotifier, envelope, type Notification } from './index.ts'

const url = process.env['ALTO_TEST_AMQP']
assert.ok(url, 'ALTO_TEST_AMQP names no broker: node tools/test.ts starts one')

const created = (name: string): Notification => ({ event: 'image.create', priority: 'info', publisher: 'image.here', payload: { name }, context: { requestId: 'req-1', userId: 'u', projectId: 'p' } })
const options = (topic: string, more: object = {}) => ({ url: url!, exchange: `x-${topic}`, topics: [topic], name: 'notifier', clock: systemClock, ids: systemIds, log: memoryLog(), ...more })

/** The names in the payloads that lie in the queue, once there are `count`; the queue goes. */
async function told(queue: string, count: number): Promise<string[]> {
  const model = await connect(url!)
  try {
    const channel = await model.createChannel()
    const names: string[] = []
    await channel.assertQueue(queue, { durable: false })
    await until(`${count} messages in ${queue}`, async () => {
      for (let message = await channel.get(queue, { noAck: true }); message; message = await channel.get(queue, { noAck: true })) names.push(JSON.parse(JSON.parse(message.content.toString())['oslo.message']).payload.name)
      return names.length >= count
    })
    await channel.deleteQueue(queue)
    await channel.deleteExchange(`x-${queue.split('.')[0]}`)
    return names
  } finally {
    await model.close()
  }
}

test('a notification is written as listeners of OpenStack read it', () => {
  const { 'oslo.version': version, 'oslo.message': text } = JSON.parse(envelope(created('one'), { ids: seededIds('e'), now: 1_767_225_600_123 }))
  const { message_id, _unique_id, ...message } = JSON.parse(text)
  assert.match(`${message_id} ${_unique_id}`, /^[0-9a-f-]{36} [0-9a-f]{32}$/)
  assert.deepEqual([version, message], ['2.0', {
    publisher_id: 'image.here', event_type: 'image.create', priority: 'INFO', payload: { name: 'one' }, timestamp: '2026-01-01 00:00:00.123000',
    _context_request_id: 'req-1', _context_user_id: 'u', _context_user: 'u', _context_project_id: 'p', _context_tenant: 'p',
  }])
})

test('what is told before a listener comes waits for it, by priority and in order', async () => {
  using _alive = stayAlive()
  const topic = `t${systemIds.hex()}`
  const notifier = new AmqpNotifier(options(topic))
  for (const name of ['one', 'two', 'three']) notifier.notify(created(name))
  notifier.notify({ ...created('broken'), priority: 'error' })
  assert.deepEqual(await told(`${topic}.info`, 3), ['one', 'two', 'three'])
  assert.deepEqual(await told(`${topic}.error`, 1), ['broken'])
  await notifier.close()
})

test('a line that is full loses its oldest, and the log says how many', async () => {
  using _alive = stayAlive()
  const topic = `t${systemIds.hex()}`
  const log = memoryLog()
  const notifier = new AmqpNotifier(options(topic, { room: 2, log }))
  for (const name of ['one', 'two', 'three']) notifier.notify(created(name))
  assert.deepEqual(await told(`${topic}.info`, 2), ['two', 'three'])
  assert.deepEqual(log.lines.map(line => line.fields['lost']), [1])
  await notifier.close()
})

test('a broker that is away holds nobody up, at the end neither', async () => {
  using _alive = stayAlive()
  const log = memoryLog()
  const notifier = new AmqpNotifier(options('t', { url: 'amqp://guest:guest@127.0.0.1:1/', log }))
  notifier.notify(created('one'))
  await until('the log names the broker', () => log.lines.some(line => line.message === 'the broker of notifications cannot be reached'))
  await notifier.close()
})

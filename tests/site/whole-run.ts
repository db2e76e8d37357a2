// The whole run on a site: two controllers, two hosts, PostgreSQL, RabbitMQ, each as processes of their own; and a minute without RabbitMQ.
// `npm run test:site`; run.test.ts is its sample.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { theRun } from '../e2e/the-run.ts'
import { busOutage } from './outage.ts'
import { site } from './site.ts'

describe('the run, on two controllers and two hosts', () => theRun(() => site()))

test('after a minute without RabbitMQ nothing is stuck, and what was asked meanwhile is so in seconds', async t => {
  await using undo = new AsyncDisposableStack()
  const one = await site()
  undo.defer(() => one.remove())
  await one.up()
  const recovery = await busOutage(one, 60)
  t.diagnostic(`so ${recovery.toFixed(1)} s after RabbitMQ was back`)
  assert.equal(await one.audit(), 'clean')
  await one.down()
  assert.deepEqual(await one.traces(), [])
})

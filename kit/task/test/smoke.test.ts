import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ExampleCloud } from './example.ts'

test('DURABLE: a server is created, waits for its guest, and is deleted', async () => {
  await using cloud = await ExampleCloud.open()
  const runner = await cloud.runner()
  await cloud.create('s1')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'BUILD', reason: null })
  assert.deepEqual(cloud.elsewhere(), { ports: ['s1'], claims: ['s1'] })
  await cloud.observe('s1', 'running')
  await runner.idle()
  assert.deepEqual(await cloud.server('s1'), { status: 'ACTIVE', reason: null })
  await cloud.delete('s1')
  await runner.idle()
  assert.equal(await cloud.server('s1'), undefined)
  assert.deepEqual(cloud.elsewhere(), { ports: [], claims: [] })
  assert.deepEqual(await cloud.tasks(), ['server.create done', 'server.delete done'])
})

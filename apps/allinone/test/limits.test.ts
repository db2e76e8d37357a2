// A first start of a cloud whose projects are held to Keystone's limits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stayAlive } from '@alto/kit/testing'
import { wholeCloud } from './whole-cloud.ts'

test('a first start under limits that nobody registered registers them, and has its demo image', async () => {
  using _alive = stayAlive()
  await using whole = await wholeCloud({ config: 'glance: { use_keystone_limits: true }' })
  const token = await whole.login('admin')
  const { images } = (await whole.ask('GET', '/image/v2/images', { token })).body as { images: { status: string }[] }
  const { usage } = (await whole.ask('GET', '/image/v2/info/usage', { token })).body as { usage: unknown }
  assert.deepEqual([images.map(({ status }) => status), usage], [['active'], {
    image_size_total: { usage: 0, limit: 1000 }, image_stage_total: { usage: 0, limit: 1000 }, image_count_total: { usage: 1, limit: 100 }, image_count_uploading: { usage: 0, limit: 100 },
  }])
})

// What becomes of servers when a cloud stops and starts again.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { stayAlive } from '@alto/kit/testing'
import { freeExternalRange } from '@alto/site'
import { wholeCloud, type WholeCloud } from './whole-cloud.ts'

async function statusOf(whole: WholeCloud, id: string): Promise<string> {
  const { body } = await whole.ask('GET', `/compute/v2.1/servers/${id}`, { token: await whole.login('demo') })
  return (body as { server: { status: string } }).server.status
}

async function becomes(whole: WholeCloud, id: string, status: string): Promise<void> {
  for (const end = systemClock.now() + 20_000; await statusOf(whole, id) !== status;) assert.ok(systemClock.now() < end, `${status} is not reached: ${await statusOf(whole, id)}`)
}

test('servers that ran run again after the next start, and stay off when they are not to be resumed', async () => {
  using _alive = stayAlive()
  const dir = await mkdtemp(join(tmpdir(), 'alto-resume-'))
  try {
    let id: string
    {
      await using whole = await wholeCloud({ dir })
      const token = await whole.login('demo')
      const { images: [image] } = (await whole.ask('GET', '/image/v2/images', { token })).body as { images: { id: string }[] }
      const made = await whole.ask('POST', '/compute/v2.1/servers', { token, body: { server: { name: 'web', flavorRef: '42', imageRef: image!.id, networks: 'none' } }, headers: { 'openstack-api-version': 'compute 2.37' } })
      id = (made.body as { server: { id: string } }).server.id
      await becomes(whole, id, 'ACTIVE')
    }
    {
      await using whole = await wholeCloud({ dir })
      await becomes(whole, id, 'ACTIVE')
    }
    {
      await using whole = await wholeCloud({ dir, resume: false })
      await becomes(whole, id, 'SHUTOFF')
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('the external network takes the next range when the machine uses the usual one', () => {
  assert.equal(freeExternalRange([]), '172.24.4.0/24')
  assert.equal(freeExternalRange(['172.24.4.1/24', '172.24.5.9/32', '10.0.0.1/8']), '172.24.6.0/24')
  assert.equal(freeExternalRange(['172.16.0.1/16']), '172.24.4.0/24')
})

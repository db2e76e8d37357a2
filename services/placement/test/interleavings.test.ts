// Placement's claims, with two controllers on one PostgreSQL: in every order no provider gives more than it has, and one is told that it came too late.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { placementAlone, type Answer } from './cloud.ts'

type Cloud = Awaited<ReturnType<typeof placementAlone>>

const consumer = (order: number, which: number) => `c0000000-0000-4000-8000-${String(order * 10 + which).padStart(12, '0')}`
const claim = (holdings: Record<string, Record<string, number>>, generation: number | null = null) => ({
  allocations: Object.fromEntries(Object.entries(holdings).map(([id, resources]) => [id, { resources }])), project_id: 'p1', user_id: 'u1', consumer_generation: generation, consumer_type: 'INSTANCE',
})

interface Rule {
  ask(cloud: Cloud, provider: string, order: number, which: 0 | 1): Promise<Answer>
  readonly statuses: readonly [number, number]
  /** VCPU in use afterwards. */
  readonly used: number
}

async function hold(rule: Rule): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await placementAlone(two.databases[0])
  await using other = await placementAlone(two.databases[1], 'other')
  const { orders, deadlocks } = await two.walk<{ provider: string, order: number }, Answer>({
    prepare: async order => ({ provider: await one.host(`host${order}`, 3), order }),
    first: ({ provider, order }) => rule.ask(one, provider, order, 0),
    second: ({ provider, order }) => rule.ask(other, provider, order, 1),
    async holds({ provider }, ended) {
      assert.deepEqual(ended.map(statusOf).toSorted((a, b) => a - b), rule.statuses)
      assert.equal((await one.ask('GET', `/resource_providers/${provider}/usages`)).body.usages.VCPU, rule.used)
      assert.deepEqual(await one.placement.audit(), [])
    },
    orders: 60,
  })
  assert.ok(orders >= 4, `${orders} orders`)
  assert.equal(deadlocks, 0)
}

function statusOf(one: Ended<Answer>): number {
  if ('error' in one) throw one.error
  return one.value.status
}

test('of two claims for the last units one wins', () => hold({
  ask: (cloud, provider, order, which) => cloud.ask('PUT', `/allocations/${consumer(order, which)}`, claim({ [provider]: { VCPU: 2 } })),
  statuses: [204, 409],
  used: 2,
}))

test('two claims of two resources that fit are both made, without waiting for each other in a circle', () => hold({
  ask: (cloud, provider, order, which) => cloud.ask('PUT', `/allocations/${consumer(order, which)}`, claim({ [provider]: which === 0 ? { VCPU: 1, MEMORY_MB: 100 } : { MEMORY_MB: 100, VCPU: 1 } })),
  statuses: [204, 204],
  used: 2,
}))

test('of two claims of one consumer one is made', () => hold({
  ask: (cloud, provider, order) => cloud.ask('PUT', `/allocations/${consumer(order, 0)}`, claim({ [provider]: { VCPU: 1 } })),
  statuses: [204, 409],
  used: 1,
}))

test('of two that make a provider of one name one does', () => hold({
  ask: (cloud, _, order) => cloud.ask('POST', '/resource_providers', { name: `twin${order}` }),
  statuses: [200, 409],
  used: 0,
}))

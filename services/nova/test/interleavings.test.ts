// The rules over sets of Nova, with two controllers on one PostgreSQL: in every order of their statements one is refused in Nova's words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { twoControllers, type Ended } from '@alto/kit/testing'
import type { Resources } from '../model/hosts.ts'
import { claimHost } from '../manager/scheduling.ts'
import * as hosts from '../store/hosts.ts'
import * as serverGroups from '../store/server-groups.ts'
import * as servers from '../store/servers.ts'
import { migrations, type Tables } from '../index.ts'
import { ADMIN, novaAlone, type Answer, type Cloud, type Who } from './cloud.ts'
import { IMAGE, NETWORK } from './neighbours.ts'

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@home'
const SERVER = { name: 'w', imageRef: IMAGE, flavorRef: '1', networks: [{ uuid: NETWORK }] }

/** Two controllers of one cloud: the second has no host of its own. */
async function two() {
  const databases = await twoControllers<Tables>(migrations)
  const one = await novaAlone({ db: databases.databases[0], name: 'one', hosts: 2 })
  const other = await novaAlone({ db: databases.databases[1], name: 'other', others: one.others, hosts: 0, flavors: false })
  return {
    walk: databases.walk, one, other,
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
      await databases[Symbol.asyncDispose]()
    },
  }
}

function statusOf(one: Ended<Answer>): number {
  if ('error' in one) throw one.error
  return one.value.status
}

interface Rule {
  prepare?(cloud: Cloud, who: Who): Promise<unknown>
  ask(cloud: Cloud, who: Who, order: number): Promise<Answer>
  readonly statuses: readonly [number, number]
  seen?(cloud: Cloud, who: Who): Promise<void>
}

async function hold(rule: Rule): Promise<void> {
  await using clouds = await two()
  const who = (order: number): Who => ({ project: `p${order}`, user: `u${order}` })
  const { orders, deadlocks } = await clouds.walk<number, Answer>({
    async prepare(order) {
      await rule.prepare?.(clouds.one, who(order))
      return order
    },
    first: order => rule.ask(clouds.one, who(order), order),
    second: order => rule.ask(clouds.other, who(order), order),
    async holds(order, ended) {
      const why = [clouds.one, clouds.other].flatMap(cloud => cloud.log.lines.filter(line => line.level === 'error').slice(-2))
      assert.deepEqual(ended.map(statusOf).toSorted((a, b) => a - b), rule.statuses, why.map(line => `${line.message} ${inspect(line.fields)}`).join('; '))
      await rule.seen?.(clouds.one, who(order))
    },
    orders: 25,
  })
  assert.ok(orders >= 4, `${orders} orders`)
  assert.equal(deadlocks, 0)
}

for (const resource of ['instances', 'cores', 'ram'] as const) {
  test(`quota: of two servers that want the last of ${resource} one is made`, () => hold({
    async prepare(cloud, who) {
      const limit = { instances: 1, cores: 1, ram: 512 }[resource]
      assert.equal((await cloud.as(ADMIN, '2.57').put(`/v2.1/os-quota-sets/${who.project}`, { quota_set: { [resource]: limit } })).status, 200)
    },
    ask: (cloud, who) => cloud.as(who, '2.96').post('/v2.1/servers', { server: SERVER }),
    statuses: [202, 403],
    async seen(cloud, who) {
      assert.equal((await cloud.as(who).get('/v2.1/servers')).body.servers.length, 1)
    },
  }))
}

test('a create under one key makes one server, whichever controller is asked', () => hold({
  ask: (cloud, who, order) => cloud.ask(who, 'POST', '/v2.1/servers', { server: SERVER }, '2.96', { 'x-alto-idempotency-key': `stack/${order}` }),
  statuses: [202, 202],
  async seen(cloud, who) {
    assert.equal((await cloud.as(who).get('/v2.1/servers')).body.servers.length, 1)
    assert.equal((await cloud.as(who, '2.57').get('/v2.1/limits')).body.limits.absolute.totalInstancesUsed, 1)
  },
}))

test('a user has a key pair of a name once', () => hold({
  ask: (cloud, who) => cloud.as(who, '2.92').post('/v2.1/os-keypairs', { keypair: { name: 'mine', public_key: KEY } }),
  statuses: [201, 409],
}))

test('a flavor of a name is made once', () => hold({
  ask: (cloud, _, order) => cloud.as(ADMIN).post('/v2.1/flavors', { flavor: { name: `f${order}`, ram: 64, vcpus: 1, disk: 0 } }),
  statuses: [200, 409],
}))

test('an aggregate of a name is made once', () => hold({
  ask: (cloud, _, order) => cloud.as(ADMIN).post('/v2.1/os-aggregates', { aggregate: { name: `a${order}` } }),
  statuses: [200, 409],
}))

test('of two aggregates that are made at once each has its own number', async () => {
  await using clouds = await two()
  await clouds.walk<number, Answer>({
    prepare: async order => order,
    first: order => clouds.one.as(ADMIN).post('/v2.1/os-aggregates', { aggregate: { name: `a${order}` } }),
    second: order => clouds.other.as(ADMIN).post('/v2.1/os-aggregates', { aggregate: { name: `b${order}` } }),
    holds(_, ended) { assert.deepEqual(ended.map(statusOf), [200, 200]) },
    orders: 30,
  })
})

for (const policy of ['anti-affinity', 'affinity'] as const) {
  test(`a server group's ${policy} holds for two that choose their host at once: the choice of one does not count`, async () => {
    await using clouds = await two()
    const { one, other } = clouds
    for (const cloud of [one, other]) await cloud.nova.runner.stop()              // nobody else chooses
    const choose = async (cloud: Cloud, id: string): Promise<boolean> => {
      const server = (await cloud.db.read(tx => servers.find(tx, id)))!
      const { host, group } = await claimHost(cloud.nova.deps, server, undefined)
      return cloud.db.write(async tx => {
        if (!await serverGroups.commit(tx, group!.id, group!.generation)) return false
        await servers.set(tx, id, { host: host.name })
        return true
      })
    }
    await clouds.walk<string[], boolean>({
      async prepare(order) {
        const who = { project: `p${order}` }
        one.others.allocations.clear()                                              // of the order before
        const group = (await one.as(who, '2.64').post('/v2.1/os-server-groups', { server_group: { name: 'g', policy } })).body.server_group.id
        const body = { 'server': { name: 'w', flavorRef: '1', imageRef: IMAGE, networks: 'none' }, 'os:scheduler_hints': { group } }
        const ids: string[] = []
        for (let i = 0; i < 2; i++) ids.push((await one.as(who, '2.96').post('/v2.1/servers', body)).body.server.id)
        return ids
      },
      first: ids => choose(one, ids[0]!),
      second: ids => choose(other, ids[1]!),
      async holds(ids, ended) {
        const won = ended.map(each => { if ('error' in each) throw each.error; return each.value })
        assert.ok(won.includes(true))
        if (won.every(Boolean)) {
          const hosts = await Promise.all(ids.map(async id => (await one.db.read(tx => servers.find(tx, id)))!.host))
          assert.equal(new Set(hosts).size, policy === 'affinity' ? 1 : 2)
        }
      },
      orders: 40,
    })
  })
}

test('two hosts that are first seen at once, each by another controller, have numbers of their own', async () => {
  await using clouds = await two()
  const seen = (cloud: Cloud, name: string) => cloud.db.write(tx => hosts.seen(tx, { name, incarnation: 'i', resources: { vcpus: 1, memoryMib: 1, diskGib: 1 } as Resources, ids: { id: `id-${name}`, serviceId: `service-${name}` }, now: 1 }))
  await clouds.walk<number, number>({
    prepare: async order => order,
    first: async order => (await seen(clouds.one, `a${order}`)).number,
    second: async order => (await seen(clouds.other, `b${order}`)).number,
    holds(_, ended) { assert.equal(new Set(ended.map(one => { if ('error' in one) throw one.error; return one.value })).size, 2) },
    orders: 20,
  })
})

// The rules over sets of Cinder, with two controllers on one PostgreSQL: in every order of their statements one is refused in Cinder's words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { twoControllers, type Ended } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { cinderAlone, type Answer, type Cloud } from './cloud.ts'

const ADMIN = { token: 'pa:admin,manager,member,reader' }

interface Rule<World> {
  prepare(cloud: Cloud, project: string, order: number): Promise<World>
  ask(cloud: Cloud, world: World, which: 0 | 1): Promise<Answer>
  readonly statuses: readonly [number, number]
  seen?(cloud: Cloud, world: World, answers: readonly Answer[]): Promise<void> | void
  readonly orders?: number
}

async function hold<World>(rule: Rule<World>): Promise<void> {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await cinderAlone({ db: two.databases[0], name: 'one' })
  await using other = await cinderAlone({ db: two.databases[1], name: 'other', agent: false })
  const { orders, deadlocks } = await two.walk<World, Answer>({
    prepare: order => rule.prepare(one, `p${order}`, order),
    first: world => rule.ask(one, world, 0),
    second: world => rule.ask(other, world, 1),
    async holds(world, ended) {
      const answers = ended.map(answerOf)
      assert.deepEqual(answers.map(answer => answer.status).toSorted((a, b) => a - b), rule.statuses)
      await rule.seen?.(one, world, answers)
    },
    orders: rule.orders ?? 25,
  })
  assert.ok(orders >= 4, `${orders} orders`)
  assert.equal(deadlocks, 0)
}

function answerOf(one: Ended<Answer>): Answer {
  if ('error' in one) throw one.error
  return one.value
}

const as = (project: string) => ({ token: `${project}:member,reader` })

for (const [resource, limit] of Object.entries({ volumes: 1, gigabytes: 3 })) {
  test(`quota: of two volumes that want the last of ${resource} one is made`, () => hold({
    async prepare(cloud, project) {
      assert.equal((await cloud.ask('PUT', `/os-quota-sets/${project}`, { quota_set: { [resource]: limit } }, ADMIN)).status, 200)
      return project
    },
    ask: (cloud, project) => cloud.ask('POST', '/volumes', { volume: { size: 2 } }, as(project)),
    statuses: [202, 413],
  }))
}

test('quota: of two snapshots that want the last one is made', () => hold({
  async prepare(cloud, project) {
    const volumes: string[] = []
    for (let i = 0; i < 2; i++) volumes.push(await availableVolume(cloud, project))
    assert.equal((await cloud.ask('PUT', `/os-quota-sets/${project}`, { quota_set: { snapshots: 1 } }, ADMIN)).status, 200)
    return { project, volumes }
  },
  ask: (cloud, { project, volumes }, which) => cloud.ask('POST', '/snapshots', { snapshot: { volume_id: volumes[which] } }, as(project)),
  statuses: [202, 413],
  orders: 15,
}))

test('of two servers that want a volume one has it', () => hold({
  prepare: async (cloud, project) => ({ project, volume: await availableVolume(cloud, project) }),
  ask: (cloud, { project, volume }, which) => cloud.ask('POST', '/attachments', { attachment: { volume_uuid: volume, instance_uuid: `22222222-2222-4222-8222-22222222222${which}` } }, as(project)),
  statuses: [200, 400],
}))

test('a volume type of a name is made once', () => hold({
  prepare: async (_, project) => project,
  ask: (cloud, name) => cloud.ask('POST', '/types', { volume_type: { name } }, ADMIN),
  statuses: [200, 409],
}))

test('a volume under one key is made once, whichever controller is asked', () => hold({
  prepare: async (_, project) => project,
  ask: (cloud, project) => cloud.ask('POST', '/volumes', { volume: { size: 1 } }, { ...as(project), key: `task/${project}` }),
  statuses: [202, 202],
  seen: (_, __, answers) => assert.equal(answers[0]!.body.volume.id, answers[1]!.body.volume.id),
}))

test('an attachment under one key is made once, whichever controller is asked', () => hold({
  prepare: async (cloud, project) => ({ project, volume: await availableVolume(cloud, project) }),
  ask: (cloud, { project, volume }) => cloud.ask('POST', '/attachments', { attachment: { volume_uuid: volume, instance_uuid: '22222222-2222-4222-8222-222222222222' } }, { ...as(project), key: `task/${project}` }),
  statuses: [200, 200],
  seen: (_, __, answers) => assert.equal(answers[0]!.body.attachment.id, answers[1]!.body.attachment.id),
}))

test('a snapshot under one key is made once, whichever controller is asked', () => hold({
  prepare: async (cloud, project) => ({ project, volume: await availableVolume(cloud, project) }),
  ask: (cloud, { project, volume }) => cloud.ask('POST', '/snapshots', { snapshot: { volume_id: volume } }, { ...as(project), key: `task/${project}` }),
  statuses: [202, 202],
  seen: (_, __, answers) => assert.equal(answers[0]!.body.snapshot.id, answers[1]!.body.snapshot.id),
  orders: 15,
}))

test('two Cinders that start at once make the default volume type once', async () => {
  await using two = await twoControllers<Tables>(migrations)
  const clouds = [await cinderAlone({ db: two.databases[0], name: 'one' }), await cinderAlone({ db: two.databases[1], name: 'other', agent: false })] as const
  try {
    const types = (await clouds[1].ask('GET', '/types', undefined, ADMIN)).body.volume_types
    assert.deepEqual(types.map((type: { name: string }) => type.name), ['__DEFAULT__'])
  } finally {
    for (const cloud of clouds.toReversed()) await cloud[Symbol.asyncDispose]()
  }
})

async function availableVolume(cloud: Cloud, project: string): Promise<string> {
  const { body } = await cloud.ask('POST', '/volumes', { volume: { size: 1 } }, as(project))
  for (let i = 0; await cloud.status(body.volume.id) !== 'available'; i++) {
    if (i > 200) throw new Error('the volume was never available')
    await cloud.clock.advance(100)
    await cloud.settled()
  }
  return body.volume.id as string
}

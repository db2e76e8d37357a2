// Two Keystones on one PostgreSQL: what one changes counts in the other within a second; names are unique in every order; both may start at once.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '@alto/kit/clock'
import { seededIds } from '@alto/kit/ids'
import { enforcer, policySet } from '@alto/kit/policy'
import { twoControllers } from '@alto/kit/testing'
import { declared, keystoneService, migrations, type Tables } from '../index.ts'
import { sorted, statusOf } from './at-once.ts'
import { keystoneAlone, optionsWith, WANTED, type Answer, type Cloud } from './cloud.ts'

/** The status of a look at the token's own self: 200, or 401 when it is worth nothing. */
const worth = async (cloud: Cloud, token: string) => (await cloud.ask('GET', '/identity/v3/auth/tokens', { token, headers: { 'x-subject-token': token } })).status

/** The id of the first of `noun` by that name. */
async function idOf(cloud: Cloud, token: string, noun: string, name: string): Promise<string> {
  return (await cloud.ask('GET', `/identity/v3/${noun}?name=${name}`, { token })).body[noun][0].id
}

const CHANGES: Record<string, (cloud: Cloud, admin: string, demo: string) => Promise<Answer>> = {
  'a revoked token': (cloud, admin, demo) => cloud.ask('DELETE', '/identity/v3/auth/tokens', { token: admin, headers: { 'x-subject-token': demo } }),
  'a disabled user\'s token': async (cloud, admin) => cloud.ask('PATCH', `/identity/v3/users/${await idOf(cloud, admin, 'users', 'demo')}`, { token: admin, body: { user: { enabled: false } } }),
  'a token whose role is taken away': async (cloud, admin) => {
    const [project, user, role] = [await idOf(cloud, admin, 'projects', 'demo'), await idOf(cloud, admin, 'users', 'demo'), await idOf(cloud, admin, 'roles', 'member')]
    return cloud.ask('DELETE', `/identity/v3/projects/${project}/users/${user}/roles/${role}`, { token: admin })
  },
  'a disabled project\'s token': async (cloud, admin) => cloud.ask('PATCH', `/identity/v3/projects/${await idOf(cloud, admin, 'projects', 'demo')}`, { token: admin, body: { project: { enabled: false } } }),
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`${what} ends in its own process at once, in the other within a second`, async () => {
    await using two = await twoControllers<Tables>(migrations)
    await using one = await keystoneAlone({ db: two.databases[0] })
    await using other = await keystoneAlone({ db: two.databases[1], beside: one })
    const admin = (await one.login('admin')).token
    const demo = (await one.login('demo')).token
    assert.deepEqual([await worth(one, demo), await worth(other, demo)], [200, 200])
    const { status } = await change(one, admin, demo)
    assert.ok(status < 300, `${status}`)
    assert.equal(await worth(one, demo), 401)
    await one.clock.advance(1000)
    assert.equal(await worth(other, demo), 401)
  })
}

test('a token that ended in another process is worth nothing within a second, also after the clock was set back', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await keystoneAlone({ db: two.databases[0] })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one })
  const demo = (await one.login('demo')).token
  assert.equal(await worth(other, demo), 200)
  await one.clock.advance(-600_000)
  const admin = (await one.login('admin')).token
  assert.ok((await CHANGES['a revoked token']!(one, admin, demo)).status < 300)
  await one.clock.advance(1000)
  assert.equal(await worth(other, demo), 401)
})

test('a token that was looked at is known without the database for a second; then one statement asks for all of them', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using cloud = await keystoneAlone({ db: two.databases[0] })
  const tokens = [(await cloud.login('admin')).token, (await cloud.login('demo')).token]
  const look = () => Promise.all(Array.from({ length: 50 }, (_, i) => cloud.keystone.authenticate(tokens[i % 2]!)))
  const statements = async (work: () => Promise<unknown>) => {
    const before = cloud.db.statements
    await work()
    return cloud.db.statements - before
  }
  await look()
  assert.equal(await statements(look), 0)
  await cloud.clock.advance(999)
  assert.equal(await statements(look), 0)
  await cloud.clock.advance(1)
  assert.equal(await statements(look), 1)
  assert.equal(await statements(look), 0)
  const [first, again] = [await cloud.keystone.authenticate(tokens[0]!), await cloud.keystone.authenticate(tokens[0]!)]
  assert.equal(first, again)
})

test('two controllers that start at once on an empty database make its first users, roles and endpoints once', async () => {
  await using two = await twoControllers<Tables>(migrations)
  const dir = await mkdtemp(join(tmpdir(), 'alto-keys-'))
  const asked = enforcer(policySet(declared.rules))
  const clock = new ManualClock()
  const start = async (at: 0 | 1, order: number) => {
    const keysDir = join(dir, String(order))
    const options = optionsWith()
    const keystone = await keystoneService({ db: two.databases[at], clock, ids: seededIds(at), keys: keysDir, enforcer: () => asked, options })
    await keystone.bootstrap(WANTED)
    return Promise.all((await readdir(keysDir, { recursive: true })).filter(name => /\/\d+$/.test(name)).toSorted().map(name => readFile(join(keysDir, name), 'utf8')))
  }
  try {
    await two.walk<number, readonly string[]>({
      async prepare(order) {
        const tables = ['assignments', 'implied_roles', 'endpoints', 'services', 'regions', 'roles', 'users'] as const
        await two.databases[0].write(async tx => {
          for (const table of tables) await tx.deleteFrom(table).execute()
          await tx.deleteFrom('projects').where('domain_id', 'is not', null).execute()
          await tx.deleteFrom('projects').execute()
        })
        return order
      },
      first: order => start(0, order),
      second: order => start(1, order),
      async holds(_, ended) {
        const [keys, same] = ended.map(one => { if ('error' in one) throw one.error; return one.value })
        assert.deepEqual(keys, same)
        const counts = await two.databases[0].read(async tx => Promise.all((['users', 'roles', 'services', 'endpoints'] as const).map(async table => (await tx.selectFrom(table).select('id').execute()).length)))
        assert.deepEqual(counts, [3, 5, 2, 6])
      },
      orders: 30,
    })
  } finally {
    await rm(dir, { recursive: true })
  }
})

const NAMED = { project: { name: 'twin' }, domain: { name: 'twin' }, user: { name: 'twin' }, role: { name: 'twin' }, group: { name: 'twin' } }
for (const [noun, body] of Object.entries(NAMED)) {
  test(`of two ${noun}s of one name one is made, whatever the order`, async () => {
    await using two = await twoControllers<Tables>(migrations)
    await using one = await keystoneAlone({ db: two.databases[0] })
    await using other = await keystoneAlone({ db: two.databases[1], beside: one })
    const admin = (await one.login('admin')).token
    const make = (cloud: Cloud, name: string) => cloud.ask('POST', `/identity/v3/${noun}s`, { token: admin, body: { [noun]: { ...body, name } } })
    const { deadlocks } = await two.walk<string, Answer>({
      prepare: async order => `twin${order}`,
      first: name => make(one, name),
      second: name => make(other, name),
      holds(_, ended) { assert.deepEqual(sorted(ended.map(statusOf)), [201, 409]) },
      orders: 40,
    })
    assert.equal(deadlocks, 0)
  })
}

test('of two that rename to one name one does', async () => {
  await using two = await twoControllers<Tables>(migrations)
  await using one = await keystoneAlone({ db: two.databases[0] })
  await using other = await keystoneAlone({ db: two.databases[1], beside: one })
  const admin = (await one.login('admin')).token
  await two.walk<{ ids: string[], name: string }, Answer>({
    async prepare(order) {
      const ids: string[] = []
      for (const side of ['a', 'b']) ids.push((await one.ask('POST', '/identity/v3/users', { token: admin, body: { user: { name: `${side}${order}` } } })).body.user.id)
      return { ids, name: `same${order}` }
    },
    first: ({ ids, name }) => one.ask('PATCH', `/identity/v3/users/${ids[0]}`, { token: admin, body: { user: { name } } }),
    second: ({ ids, name }) => other.ask('PATCH', `/identity/v3/users/${ids[1]}`, { token: admin, body: { user: { name } } }),
    holds(_, ended) { assert.deepEqual(sorted(ended.map(statusOf)), [200, 409]) },
    orders: 40,
  })
})

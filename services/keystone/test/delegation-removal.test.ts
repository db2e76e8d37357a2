// What goes with a user, a project or a domain of all that was delegated, on both databases: nothing stays, and nothing stops the removal.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { databasesUnderTest } from '@alto/kit/testing'
import { migrations, type Tables } from '../index.ts'
import { keystoneAlone } from './cloud.ts'
import { delegates } from './delegates.ts'

const TABLES = ['trusts', 'trust_roles', 'application_credentials', 'application_credential_roles', 'application_credential_rules', 'access_rules'] as const
const RULES = [{ service: 'compute', path: '/a', method: 'GET' }, { service: 'compute', path: '/b', method: 'GET' }]

for (const { name, open } of databasesUnderTest<Tables>()) {
  for (const [what, path, left] of [
    ['the trustor', (d: { alice: string }) => `/v3/users/${d.alice}`, {}],
    ['a trustee in the middle', (d: { bob: string }) => `/v3/users/${d.bob}`, { application_credentials: 2, application_credential_roles: 4, application_credential_rules: 3, access_rules: 2 }],
    ['the project', (d: { project: string }) => `/v3/projects/${d.project}`, { access_rules: 2 }],
  ] as const) {
    test(`${name}: with ${what} go the trusts and credentials that need it, and what was passed on of them`, async () => {
      await using database = await open(migrations)
      await using cloud = await keystoneAlone({ db: database.db })
      const d = await delegates(cloud)
      const token = await d.tokenOf('alice')
      const first = (await d.trust(token, { impersonation: true, allow_redelegation: true })).body.trust
      const { token: bob } = await d.byTrust('bob', first.id)
      assert.equal((await d.trust(bob, { impersonation: true, trustee_user_id: d.carol })).status, 201)
      assert.equal((await d.credential(token, { access_rules: RULES })).status, 201)
      assert.equal((await d.credential(token, { name: 'second', access_rules: [RULES[1]] })).status, 201)

      await d.asAdmin('DELETE', path(d))
      const counts = await cloud.db.read(async tx => Object.fromEntries(await Promise.all(TABLES.map(async table => [table, (await tx.selectFrom(table).selectAll().execute()).length] as const))))
      assert.deepEqual(counts, { ...Object.fromEntries(TABLES.map(table => [table, 0])), ...left })
    })
  }
}

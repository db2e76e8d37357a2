// Upstream's policy rules, all of them, in our engine; and our rules against upstream's.
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { enforcer, policySet, type Credentials } from '@alto/kit/policy'
import { loadDeclared } from './declared.ts'
import { rulesOf } from './inventory.ts'
import { comparePolicies } from './policies.ts'

const SERVICES = ['keystone', 'nova', 'placement', 'glance', 'cinder', 'neutron', 'heat', 'manila', 'octavia', 'ironic', 'barbican', 'designate', 'magnum']
const admin: Credentials = { userId: 'u', userDomainId: 'default', projectId: 'p', projectDomainId: 'default', roles: ['admin', 'manager', 'member', 'reader'] }
const stranger: Credentials = { userId: 'v', userDomainId: 'default', projectId: 'q', projectDomainId: 'default', roles: [] }

for (const service of SERVICES) {
  test(`every policy rule of upstream's ${service} is understood, new default and legacy, and refers to rules that exist`, () => {
    const rules = [...rulesOf(service).values()].map(({ name, check, legacy }) => ({ name, check, description: '', ...(legacy !== undefined && { legacy }) }))
    assert.ok(rules.length > 0)
    for (const enforceNewDefaults of [true, false]) {
      const set = policySet(rules, { enforceNewDefaults })
      const ask = enforcer(set)
      for (const { name } of rules) {
        const decision = ask.allowed(name, stranger, { project_id: 'p' })
        assert.equal(decision.allowed, decision.why === '', name)
      }
      const missing = set.warnings.filter(warning => enforceNewDefaults && warning.includes('does not exist'))
      assert.deepEqual(missing, [])
    }
  })
}

test('upstream\'s defaults let a member see their own server, an admin every one, and a stranger none', () => {
  const ask = enforcer(policySet([...rulesOf('nova').values()].map(one => ({ ...one, description: '' }))))
  const may = (credentials: Credentials) => ask.allowed('os_compute_api:servers:show', credentials, { project_id: 'p' }).allowed
  assert.deepEqual([may({ ...admin, roles: ['reader'] }), may({ ...admin, projectId: 'other' }), may(stranger)], [true, true, false])
})

test('a rule that differs from upstream\'s, or that upstream does not have, is named', () => {
  assert.deepEqual(comparePolicies('nova', [
    { ...rulesOf('nova').get('context_is_admin')!, description: '' },
    { name: 'os_compute_api:servers:show', check: '@', legacy: '!', description: '' },
    { name: 'os_compute_api:servers:invent', check: '@', description: '' },
    { name: 'alto:audit', check: 'role:admin', description: '' },
  ]).map(line => line.replace(/upstream's is .*/, '…')), [
    'os_compute_api:servers:show: the check is "@", …',
    'os_compute_api:servers:show: the legacy check is "!", …',
    'os_compute_api:servers:invent: upstream\'s nova has no such rule',
  ])
})

test('every rule that our services declare has upstream\'s name and defaults', async () => {
  const { services } = await loadDeclared(resolve(import.meta.dirname, '..'))
  assert.deepEqual(services.flatMap(({ name, rules }) => comparePolicies(name, rules)), [])
})

// What assignments and implications amount to.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { rolesIn, withImplied, type Assignment } from './roles.ts'

test('a role brings what it implies, however long the chain and whatever circles there are', () => {
  const rules = [['admin', 'manager'], ['manager', 'member'], ['member', 'reader'], ['reader', 'admin']].map(([priorId, impliedId]) => ({ priorId: priorId!, impliedId: impliedId! }))
  assert.deepEqual([...withImplied(['manager'], rules.slice(0, 3))].toSorted(), ['manager', 'member', 'reader'])
  assert.deepEqual([...withImplied(['reader'], rules)].toSorted(), ['admin', 'manager', 'member', 'reader'])
})

test('implied roles never take one away, and asking twice adds nothing', () => {
  const id = fc.integer({ min: 0, max: 8 }).map(String)
  fc.assert(fc.property(fc.array(id), fc.array(fc.record({ priorId: id, impliedId: id })), (held, rules) => {
    const once = withImplied(held, rules)
    assert.ok(held.every(h => once.has(h)))
    assert.deepEqual([...withImplied(once, rules)].toSorted(), [...once].toSorted())
  }))
})

test('an inherited role holds below its target and not in it', () => {
  const inherited: Assignment = { roleId: 'r', actor: { kind: 'user', id: 'u' }, target: { kind: 'domain', id: 'd' }, inherited: true }
  assert.deepEqual([...rolesIn([inherited], { kind: 'project', id: 'p' }, ['d'])], ['r'])
  assert.deepEqual([...rolesIn([inherited], { kind: 'domain', id: 'd' }, [])], [])
  assert.deepEqual([...rolesIn([{ ...inherited, inherited: false }], { kind: 'domain', id: 'd' }, [])], ['r'])
})

// What assignments amount to.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { effective, projectsBelow, type Surroundings } from './role-assignments.ts'
import { rolesIn, withImplied, type Assignment } from './roles.ts'

test('the effective rows say the same as the roles of a token, for every user and target', () => {
  const id = (prefix: string, max: number) => fc.integer({ min: 0, max }).map(n => `${prefix}${n}`)
  const assignment: fc.Arbitrary<Assignment> = fc.record({
    roleId: id('r', 5), inherited: fc.boolean(),
    actor: fc.oneof(fc.record({ kind: fc.constant('user' as const), id: id('u', 2) }), fc.record({ kind: fc.constant('group' as const), id: id('g', 1) })),
    target: fc.oneof(fc.record({ kind: fc.constant('project' as const), id: id('p', 4) }), fc.record({ kind: fc.constant('domain' as const), id: fc.constant('d') })),
  })
  const parents = new Map([['p0', 'd'], ['p1', 'p0'], ['p2', 'p1'], ['p3', 'd'], ['p4', 'p0']])
  const members = new Map([['g0', ['u0', 'u1']], ['g1', ['u2']]])
  const globalRoles = new Set(['r0', 'r1', 'r2', 'r3'])
  fc.assert(fc.property(fc.array(assignment, { maxLength: 12 }), fc.array(fc.record({ priorId: id('r', 5), impliedId: id('r', 5) }), { maxLength: 8 }), (given, inferences) => {
    const around: Surroundings = { members, below: projectsBelow(parents, new Set([...parents.keys(), 'd'])), inferences, globalRoles }
    const rows = effective(given, around, {})
    for (const userId of ['u0', 'u1', 'u2']) {
      const own = given.filter(a => a.actor.kind === 'user' ? a.actor.id === userId : members.get(a.actor.id)!.includes(userId))
      for (const target of [...parents.keys()].map(p => ({ kind: 'project' as const, id: p }))) {
        const above: string[] = []
        for (let up = parents.get(target.id); up !== undefined; up = parents.get(up)) above.push(up)
        const token = [...withImplied(rolesIn(own, target, above), inferences)].filter(role => globalRoles.has(role)).toSorted()
        const listed = [...new Set(effective(given, around, { userId, targets: { kind: 'project', ids: new Set([target.id]) } }).map(row => row.roleId))].toSorted()
        assert.deepEqual(listed, token)
        assert.deepEqual([...new Set(rows.filter(row => row.actor.id === userId && row.target.id === target.id).map(row => row.roleId))].toSorted(), token)
      }
    }
  }))
})

// What may be passed on of a trust, and what ends of delegations look like.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { isFault } from '@alto/kit/errors'
import fc from 'fast-check'
import { endFrom, writtenMoment } from './moments.ts'
import { isUsable, settled, type Trust, type TrustTerms } from './trusts.ts'

const MOST = 3
const roleIds = fc.uniqueArray(fc.constantFrom('admin', 'manager', 'member', 'reader'))
const terms: fc.Arbitrary<TrustTerms> = fc.record({
  projectId: fc.constantFrom('p', 'q', null), impersonation: fc.boolean(), expiresAt: fc.option(fc.integer({ min: 1, max: 9 })), remainingUses: fc.option(fc.integer({ min: 1, max: 3 })), roleIds,
  allowRedelegation: fc.boolean(), redelegationCount: fc.option(fc.integer({ min: 0, max: 5 })),
})

/** The trust on these terms below `parent`; undefined when it is refused. */
function made(asked: TrustTerms, parent: Trust | undefined): Trust | undefined {
  try {
    return { id: 'x', trustorUserId: 'a', trusteeUserId: 'b', redelegatedTrustId: parent?.id ?? null, extra: {}, ...asked, ...settled(asked, parent, MOST) }
  } catch (error) {
    assert.ok(isFault(error), String(error))
    return undefined
  }
}

test('however often a trust is passed on, each in the chain is no more than the one above it, and the chain ends', () => {
  fc.assert(fc.property(fc.array(terms, { maxLength: 12 }), asked => {
    let parent: Trust | undefined
    let depth = 0
    for (const one of asked) {
      const child = made(one, parent)
      if (!child) continue
      if (parent) {
        assert.ok(child.roleIds.every(id => parent!.roleIds.includes(id)) && child.projectId === parent.projectId && (parent.impersonation || !child.impersonation))
        assert.ok(parent.expiresAt === null || child.expiresAt !== null && child.expiresAt <= parent.expiresAt)
        assert.ok(child.redelegationCount < parent.redelegationCount && child.remainingUses === null)
        depth++
      }
      parent = child
    }
    assert.ok(depth <= MOST)
  }), { numRuns: 2000 })
})

test('a trust is usable until its end, and while uses are left', () => {
  const trust = made({ projectId: 'p', impersonation: false, expiresAt: 1000, remainingUses: 1, roleIds: ['member'], allowRedelegation: false, redelegationCount: null }, undefined)!
  assert.deepEqual([isUsable(trust, 1000), isUsable(trust, 1001), isUsable({ ...trust, remainingUses: 0 }, 0), isUsable({ ...trust, expiresAt: null, remainingUses: null }, 1e15)], [true, false, false, true])
})

test('an end is read to the microsecond and written as it was read', () => {
  for (const [text, written] of [
    ['2030-01-31T12:00:00.123456', '2030-01-31T12:00:00.123456'], ['2030-01-31T12:00:00.123456Z', '2030-01-31T12:00:00.123456'], ['2030-01-31T12:00:00Z', '2030-01-31T12:00:00.000000'],
    ['2030-01-31 12:00:00', '2030-01-31T12:00:00.000000'], ['2030-01-31T12:00:00.5', '2030-01-31T12:00:00.500000'],
  ] as const) assert.equal(writtenMoment(endFrom(text, 0)), written, text)
  for (const text of ['', 'soon', '2030-01-31', '2030-01-31T12:00', '2030-02-31T12:00:00', '2030-01-31T25:00:00', '2030-01-31T12:00:00+02:00', '2030-01-31T12:00:00.1234567', 'x2030-01-31T12:00:00', '9999999-01-01T00:00:00']) {
    assert.throws(() => endFrom(text, 0), (error: unknown) => isFault(error, 'keystone.expiry'), text)
  }
  const moment = endFrom('2030-01-31T12:00:00', 0)
  assert.equal(endFrom('2030-01-31T12:00:00', moment / 1000), moment)
  assert.throws(() => endFrom('2030-01-31T12:00:00', moment / 1000 + 1), (error: unknown) => isFault(error, 'keystone.expiry'))
})

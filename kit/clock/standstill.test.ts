import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Standstills } from './index.ts'

test('what stands still through every look is told after its time; what moves, comes late or was not seen meanwhile begins anew', () => {
  const standstills = new Standstills()
  const look = (now: number, counters: Readonly<Record<string, number>>) => [...standstills.look(Object.entries(counters), now, 30)]
  assert.deepEqual(look(0, { still: 1, moving: 1 }), [])
  assert.deepEqual(look(20, { still: 1, moving: 2, late: 7 }), [])
  assert.deepEqual(look(30, { still: 1, moving: 2, late: 7 }), ['still'])
  assert.deepEqual(look(45, { moving: 2 }), [])
  assert.deepEqual(look(50, { still: 1, moving: 2, late: 7 }), ['moving'])
  standstills.forget()
  assert.deepEqual(look(90, { still: 1, moving: 2, late: 7 }), [])
})

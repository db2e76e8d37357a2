// Which of two limits allows more.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { allowsMore } from './limits.ts'

test('no limit allows more than any limit, and nothing more than none', () => {
  assert.deepEqual([[-1, 5], [5, -1], [-1, -1], [6, 5], [5, 5], [0, 5], [1, 0], [-1, 0]].map(([a, b]) => allowsMore(a!, b!)), [true, false, false, true, false, false, true, true])
})

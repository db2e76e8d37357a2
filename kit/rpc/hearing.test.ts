// Silence is counted only while somebody listened.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hearing } from './hearing.ts'

test('without gaps, a minute of hearing ago is a minute ago', () => {
  assert.equal(new Hearing().ago(60_000, 100_000), 40_000)
})

test('times in which nothing could be heard are passed over, also the present one', () => {
  const hearing = new Hearing()
  hearing.lost(10_000)
  hearing.lost(12_000)
  hearing.regained(20_000)
  hearing.regained(21_000)
  hearing.lost(50_000)
  assert.deepEqual([5_000, 30_000, 31_000].map(ms => hearing.ago(ms, 90_000)), [45_000, 20_000, 9_000])
  hearing.regained(90_000)
  assert.deepEqual([5_000, 15_000, 45_000].map(ms => hearing.ago(ms, 100_000)), [95_000, 45_000, 5_000])
})

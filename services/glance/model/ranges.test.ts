// Range headers.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readRange } from './ranges.ts'

test('a range never leaves the image', () => {
  fc.assert(fc.property(fc.nat(10_000), fc.option(fc.nat(20_000), { nil: '' }), fc.option(fc.nat(20_000), { nil: '' }), (size, first, last) => {
    try {
      const range = readRange(`bytes=${first}-${last}`, size)!
      assert.ok(range.start >= 0 && range.start <= range.end && range.end < size)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'glance.range')
    }
  }))
})

test('an empty image has no range', () => {
  for (const header of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) assert.throws(() => readRange(header, 0), { code: 'glance.range' }, header)
})

test('no header and another unit ask for all', () => {
  assert.equal(readRange(undefined, 5), undefined)
  assert.equal(readRange('rows=1-2', 5), undefined)
})

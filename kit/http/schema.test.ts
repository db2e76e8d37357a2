// What bodies are checked against.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check, t } from './schema.ts'

test('a map has keys no longer than it says, or of its pattern, and no more of them than it says', () => {
  const short = t.map(t.string(), { max: 2, keyMax: 3 })
  assert.deepEqual([{ abc: '' }, { abcd: '' }, { '': '' }, { 'a\nb': '' }, { a: '', b: '', c: '' }].map(value => check(short, value) === undefined), [true, false, true, true, false])
  const words = t.map(t.string(), { max: 2, keyPattern: '^[a-z]+$' })
  assert.deepEqual([{ abcd: '' }, { '': '' }, { a1: '' }].map(value => check(words, value) === undefined), [true, false, false])
  assert.notEqual(check(t.map(t.string(), { max: 1 }), { ['k'.repeat(256)]: '' }), undefined)
})

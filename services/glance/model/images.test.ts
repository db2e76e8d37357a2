// The state machine of images, as data.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { refusedMove, TRANSITIONS, type Status } from './images.ts'

const STATES = Object.keys(TRANSITIONS) as Status[]

test('from every state an image can be deleted, and from deleted nothing follows', () => {
  for (const from of STATES) assert.equal(refusedMove(from, 'deleted') === undefined, from !== 'deleted', from)
  for (const to of STATES) assert.ok(refusedMove('deleted', to), to)
})

test('only a queued image takes bytes', () => {
  assert.deepEqual(STATES.filter(from => !refusedMove(from, 'saving')), ['queued'])
  assert.deepEqual(STATES.filter(from => !refusedMove(from, 'uploading')), ['queued'])
})

test('no state leads to itself', () => {
  for (const state of STATES) assert.ok(refusedMove(state, state), state)
})

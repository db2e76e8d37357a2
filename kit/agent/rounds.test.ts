// Rounds: none is lost, none overlaps another, and whoever waits for their end sees all of them.
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { rounds } from './index.ts'

test('whoever waits for the end also waits for a round that is rung for in the moment of that end', async () => {
  let ended = 0
  const asked = rounds(async () => { await setImmediate(); ended++ })
  const again = asked.ring().then(() => { void asked.ring() })
  await asked.ended()
  assert.equal(ended, 2)
  await again
})

test('a round serves all who rang before it began, and never runs beside another', async () => {
  let [atWork, most, ended] = [0, 0, 0]
  const asked = rounds(async () => { most = Math.max(most, ++atWork); await setImmediate(); atWork--; ended++ })
  const first = [asked.ring(), asked.ring(), asked.ring()]
  await setImmediate()
  await Promise.all([...first, asked.ring(), asked.ring()])
  assert.deepEqual([most, ended], [1, 2])
})

test('a round that throws tells who rang for it, and is not the last', async () => {
  let begun = 0
  const asked = rounds(async () => { if (++begun === 1) throw new Error('a bug') })
  await assert.rejects(asked.ring(), /a bug/)
  await asked.ring()
  assert.equal(begun, 2)
})

// Short runs of the simulated cloud: seeds that once found a bug, and one that nobody has seen. `npm run simulate` makes long ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemIds } from '@alto/kit/ids'
import { simulate } from './simulate.ts'

/** What was wrong when the seed was run first, in as many steps. */
const FOUND: readonly (readonly [seed: string, steps: number, bug: string])[] = [
  ['31', 450, 'a server whose guest crashed during its build seems active for ever'],
  ['43', 900, 'a server does not go because the volume that was to go with it has snapshots'],
]

for (const [seed, steps, bug] of FOUND) {
  test(`seed ${seed} comes to rest with nothing lost, stuck or left: it once found that ${bug}`, async () => {
    assert.equal((await simulate({ seed, steps })).steps, steps)
  })
}

const fresh = String(systemIds.below(1_000_000_000))
test(`fresh seed ${fresh} comes to rest with nothing lost, stuck or left`, async () => {
  console.log(`simulation: fresh seed ${fresh}`)
  assert.equal((await simulate({ seed: fresh, steps: 300 })).steps, 300)
})

test('one seed gives one run, to the last message', async () => {
  const runs = [await simulate({ seed: 'twice', steps: 100 }), await simulate({ seed: 'twice', steps: 100 })]
  assert.deepEqual(runs[0], runs[1])
  const { hash } = await simulate({ seed: 'other', steps: 50 })
  assert.notEqual(hash, runs[0]!.hash)
})

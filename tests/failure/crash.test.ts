// A sample of the crash runs (crash.ts; `npm run crash` is the whole of it): the controller dies in the middle of an upload and at every point of making volumes and servers, then any part at moments
// from the seed, while images are imported too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stayAlive } from '@alto/kit/testing'
import { crashRun } from './crash.ts'

test('with parts of a site killed at every step and at random moments, what a user wants comes true and nothing is left', async t => {
  using _alive = stayAlive()
  const report = await crashRun({ seed: 'sample', passes: ['controller', 'random'], stages: pass => ['image', ...(pass === 'random' ? ['import'] : []), 'volume', 'server'], moments: 4, say: line => t.diagnostic(line) })
  assert.ok(report.kills.length >= 40, `${report.kills.length} kills`)
})

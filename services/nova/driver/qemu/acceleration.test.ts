// Whether an accelerator works is found out by running something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandHost } from '@alto/kit/host'
import { qemuVersion, runsWith } from './acceleration.ts'

test('emulation runs a boot sector on every machine, and an accelerator that is not there does not', async () => {
  assert.equal(await runsWith(commandHost, 'tcg', 'max'), true)
  assert.equal(await runsWith(commandHost, 'hax', 'max'), false)
  assert.ok(await qemuVersion(commandHost) >= 7_000_000)
})

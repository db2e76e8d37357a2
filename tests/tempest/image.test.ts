// Glance in the eyes of OpenStack's own tests: what Debian's release has of tempest.api.image, over HTTP.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeCloud } from './cloud.ts'
import { runTempest } from './tempest.ts'

test('tempest.api.image passes, all that this release has of it', async () => {
  await using cloud = await fakeCloud()
  // This release sends random bytes under every format that it is told of; 2026.2 takes them as raw only.
  const { passed, failed, log } = await runTempest(cloud, cloud.dir, { regex: '^tempest\\.api\\.image\\.', otherwise: { image: { disk_formats: 'raw' } } })
  assert.deepEqual(failed, [], log.slice(-20_000))
  assert.ok(passed.length >= 65, `only ${passed.length} tests passed: tempest's selection or the cloud's configuration is not what it was`)
})

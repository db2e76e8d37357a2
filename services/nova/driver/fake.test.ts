// The fake hypervisor keeps the drivers' promises, and its console tells of its pretended boot.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock } from '@alto/kit/clock'
import { fakeHypervisor } from './fake.ts'
import { hypervisorConformance } from './hypervisor.conformance.ts'

const image = { id: 'a'.repeat(8), sha512: '0'.repeat(128), diskFormat: 'qcow2' }

hypervisorConformance('fake', async () => {
  const driver = fakeHypervisor({ clock: systemClock, diskMs: 0, startMs: 0 })
  return {
    driver, image,
    download: async () => (async function* () {})(),
    volume: async () => ({ id: 'v1', attachmentId: 'a1', device: '/dev/vdb', sizeGib: 1, connection: { kind: 'file', path: '/none', format: 'qcow2' } }),
    blank: async () => ({ kind: 'file', path: '/none', format: 'qcow2' }),
    restarted: async () => driver,
    async [Symbol.asyncDispose]() { await driver.close() },
  }
})

test('a fake guest shows its login prompt when its pretended boot is over, and ends a while after the power button', async () => {
  const clock = new ManualClock()
  const driver = fakeHypervisor({ clock, startMs: 10, bootMs: 2000, shutdownMs: 500 })
  const started = driver.start({ id: 'g', name: 'web', flavor: { vcpus: 1, ramMib: 64 }, root: { kind: 'volume', volumeId: 'v' }, ports: [], volumes: [] })
  await clock.advance(10)
  await started
  assert.equal(await driver.consoleLog('g'), '=== boot')
  await clock.advance(2000)
  assert.equal(await driver.consoleLog('g', 1), 'web login: ')
  await driver.powerButton('g')
  await clock.advance(499)
  assert.equal((await driver.look('g')).process, 'running')
  await clock.advance(1)
  assert.equal((await driver.look('g')).process, 'ended')
})

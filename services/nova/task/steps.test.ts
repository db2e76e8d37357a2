import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectionOf } from './steps.ts'

test('what Cinder says of a connection is what the host is told: a file, or an export of another host; anything else is not known', () => {
  const nbd = { kind: 'nbd-tls', address: '198.18.0.1', port: 10_809, exportName: 'a', identity: 'a', format: 'qcow2' } as const
  const { kind, ...data } = nbd
  assert.deepEqual(connectionOf({ driver_volume_type: kind, ...data, access_mode: 'rw', attachment_id: 'a' }), nbd)
  assert.deepEqual(connectionOf({ driver_volume_type: kind, data }), nbd)
  assert.deepEqual(connectionOf({ driver_volume_type: 'file', path: '/v', device_path: '/v', format: 'raw' }), { kind: 'file', path: '/v', format: 'raw' })
  for (const unknown of [{ ...nbd, port: '10809' }, { ...nbd, identity: undefined }, { kind: 'iscsi', target_portal: 'x' }, {}]) assert.equal(connectionOf(unknown), undefined)
})

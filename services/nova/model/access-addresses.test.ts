// Access addresses.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '@alto/kit/errors'
import { accessAddress } from './access-addresses.ts'

test('an access address is kept in its shortest text, and what is none of its version is refused', () => {
  assert.deepEqual(['0000:0000:0000:0000:0000:babe:220.12.22.2', '2001:DB8:0::1', ''].map(text => accessAddress(text, 6)), ['::babe:dc0c:1602', '2001:db8::1', null])
  assert.equal(accessAddress('192.0.2.7', 4), '192.0.2.7')
  for (const [text, version] of [['192.0.2.7', 6], ['::1', 4], ['fe80::1%eth0', 6], ['192.0.2', 4], ['x', 4]] as const) {
    assert.throws(() => accessAddress(text, version), (error: Fault) => error.kind === 'badRequest' && error.message.includes(`is not a 'ipv${version}'`), text)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldCheck } from './field-checks.ts'

test('a field check looks at the attribute that it names, as a value or a pattern', () => {
  const asked = (match: string, target: Record<string, unknown>) => fieldCheck(match)({ target })
  assert.equal(asked('networks:shared=True', { shared: true }), true)
  assert.equal(asked('networks:shared=True', { shared: false }), false)
  assert.equal(asked('networks:shared=True', {}), false)
  assert.equal(asked('networks:router:external=True', { 'router:external': true }), true)
  assert.equal(asked('port:device_owner=~^network:', { device_owner: 'network:dhcp' }), true)
  assert.equal(asked('port:device_owner=~^network:', { device_owner: 'compute:nova' }), false)
})

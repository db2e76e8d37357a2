// Which endpoints a group holds, and where URLs lead.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { givenTo, isInGroup, type Endpoint, type EndpointGroup } from './catalog.ts'

const endpoint = (id: string, rest: Partial<Endpoint> = {}): Endpoint => ({ id, serviceId: 's', interface: 'public', regionId: 'r', url: 'http://u', enabled: true, extra: {}, ...rest })
const group = (filters: EndpointGroup['filters']): EndpointGroup => ({ id: 'g', name: 'g', description: null, filters })

test('a group holds the endpoints that have all that it asks for, and one that asks for nothing holds all', () => {
  const e = endpoint('e')
  assert.deepEqual([{}, { service_id: 's' }, { service_id: 's', interface: 'public', region_id: 'r' }, { service_id: 's', interface: 'admin' }, { region_id: null }].map(filters => isInGroup(group(filters), e)), [true, true, true, false, false])
  assert.ok(isInGroup(group({ region_id: null }), endpoint('e', { regionId: null })))
})

test('a project is given each endpoint once, however many ways lead to it', () => {
  const all = [endpoint('a'), endpoint('b', { interface: 'admin' }), endpoint('c', { interface: 'internal' })]
  assert.deepEqual(givenTo({ endpointIds: new Set(['a', 'b']), groups: [group({ interface: 'public' }), group({ service_id: 's', interface: 'public' })] }, all).map(e => e.id), ['a', 'b'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandRules, protocolNumber, type SecurityGroupRule } from './packet-rules.ts'

const rule = (more: Partial<SecurityGroupRule>): SecurityGroupRule => ({
  direction: 'ingress', version: 4, protocol: null, portRangeMin: null, portRangeMax: null, remoteIpPrefix: null, remoteGroupId: null, remoteAddressGroupId: null, ...more,
})
const nobody = () => []

test('a remote group becomes the addresses of its members of the rule\'s version, as few prefixes as will do', () => {
  const members = { web: ['10.0.0.4', '10.0.0.5', 'fd00::5', '10.0.0.5/32'] }
  const of = (id: string) => members[id as 'web'] ?? []
  assert.deepEqual(expandRules([rule({ protocol: 'tcp', portRangeMin: 80, portRangeMax: 80, remoteGroupId: 'web' })], of),
    [{ direction: 'ingress', version: 4, protocol: 6, ports: [80, 80], prefixes: ['10.0.0.4/31'] }])
  assert.deepEqual(expandRules([rule({ version: 6, remoteGroupId: 'web' })], of), [{ direction: 'ingress', version: 6, prefixes: ['fd00::5/128'] }])
})

test('a remote group without members lets nobody in; a rule without a far side lets anybody in', () => {
  assert.deepEqual(expandRules([rule({ remoteGroupId: 'empty' })], nobody), [{ direction: 'ingress', version: 4, prefixes: [] }])
  assert.deepEqual(expandRules([rule({})], nobody), [{ direction: 'ingress', version: 4 }])
})

test('the same rule in two groups is one, and the order of groups does not matter', () => {
  const [ssh, ping] = [rule({ protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 }), rule({ protocol: 'icmp', portRangeMin: 8, portRangeMax: 0 })]
  assert.deepEqual(expandRules([ssh, ping, ssh], nobody), expandRules([ping, ssh], nobody))
  assert.deepEqual(expandRules([ping], nobody), [{ direction: 'ingress', version: 4, protocol: 1, icmp: { type: 8, code: 0 } }])
})

test('protocols are known by name and number; ICMP of IPv6 is ICMPv6 whichever name it has', () => {
  assert.deepEqual(['tcp', '6', 'icmp', 'ipv6-icmp', 'any', null, '0'].map(p => protocolNumber(p, 4)), [6, 6, 1, 58, undefined, undefined, undefined])
  assert.deepEqual(['icmp', 'icmpv6', '1', '58'].map(p => protocolNumber(p, 6)), [58, 58, 58, 58])
})

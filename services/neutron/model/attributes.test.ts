import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '@alto/kit/errors'
import fc from 'fast-check'
import { parseCreate, parseUpdate, type Attribute } from './attributes.ts'
import { FLOATING_IP_ATTRIBUTES } from './floating-ips.ts'
import { NETWORK_ATTRIBUTES } from './networks.ts'
import { PORT_ATTRIBUTES } from './ports.ts'
import { ROUTER_ATTRIBUTES } from './routers.ts'
import { matchOf, SECURITY_GROUP_ATTRIBUTES, SECURITY_GROUP_RULE_ATTRIBUTES } from './security-groups.ts'
import { place, SUBNET_ATTRIBUTES } from './subnets.ts'

const TABLES: readonly Readonly<Record<string, Attribute<unknown>>>[] = [
  NETWORK_ATTRIBUTES, SUBNET_ATTRIBUTES, PORT_ATTRIBUTES, ROUTER_ATTRIBUTES, FLOATING_IP_ATTRIBUTES, SECURITY_GROUP_ATTRIBUTES, SECURITY_GROUP_RULE_ATTRIBUTES,
]
const words = fc.constantFrom('10.0.0.0/24', '10.0.0.1', 'fd00::/64', 'fe80::1', '0.0.0.0/0', '10.0.0.0/33', 'tcp', 'icmp', 'ingress', 'IPv6', '5f3b4c1e-9a1d-4e0b-8d57-2f1e6c7a9b30', 'slaac', 'True', '', '\0', '-1')
const value = fc.oneof(words, fc.integer({ min: -2, max: 70_000 }), fc.jsonValue({ maxDepth: 3 }), fc.array(fc.dictionary(fc.constantFrom('start', 'end', 'subnet_id', 'ip_address', 'opt_name', 'opt_value', 'destination', 'nexthop'), words)))

test('whatever is said of a resource is taken or refused with a reason, never a bug', () => {
  fc.assert(fc.property(fc.constantFrom(...TABLES).chain(table => fc.tuple(fc.constant(table), fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(table)), fc.string()), value))), ([table, body]) => {
    for (const parse of [parseCreate, parseUpdate]) {
      try {
        const { values } = parse(table, body)
        if (table === SUBNET_ATTRIBUTES) place(values)
        if (table === SECURITY_GROUP_RULE_ATTRIBUTES && parse === parseCreate) matchOf(values)
      } catch (error) {
        assert.ok(isFault(error) && error.message.length > 10, String(error))
      }
    }
  }), { numRuns: 3000, seed: 3 })
})

test('a text keeps no NUL, and no DHCP option more than its line', () => {
  assert.throws(() => parseCreate(NETWORK_ATTRIBUTES, { name: 'a\0b' }), { message: 'Invalid input for name. Reason: it has a NUL character, which text cannot hold.' })
  assert.throws(() => parseUpdate(PORT_ATTRIBUTES, { extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1\nlog' }] }), { code: 'neutron.attributes' })
})

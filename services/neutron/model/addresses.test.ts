import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aggregate, covers, defaultPools, formatAddress, formatPrefix, holds, lastOf, linkLocalOf, overlaps, parseAddress, parsePrefix, prefixOf, subtract, tryAddress, tryPrefix, type Address, type Prefix } from './addresses.ts'

const address = fc.oneof(
  fc.bigInt(0n, (1n << 32n) - 1n).map((value): Address => ({ version: 4, value })),
  fc.bigInt(0n, (1n << 128n) - 1n).map((value): Address => ({ version: 6, value })),
)
const small = fc.tuple(fc.bigInt(0n, 255n), fc.integer({ min: 24, max: 32 })).map(([value, length]): Prefix => prefixOf({ version: 4, value }, length))

test('every address is read back from its text', () => {
  fc.assert(fc.property(address, a => assert.deepEqual(parseAddress(formatAddress(a)), a)))
})

test('addresses are written as RFC 5952 says', () => {
  const canonical = (text: string) => formatAddress(parseAddress(text))
  assert.equal(canonical('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1')
  assert.equal(canonical('::'), '::')
  assert.equal(canonical('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1')
  assert.equal(canonical('::ffff:10.0.0.1'), '::ffff:a00:1')
  assert.equal(canonical('fe80::'), 'fe80::')
})

test('what is no address is refused', () => {
  for (const text of ['', '10.0.0', '10.0.0.256', '010.0.0.1', 'fe80::1%eth0', '1::2::3', '10.0.0.1/24', ' 10.0.0.1', '10.0.0.1\n']) assert.equal(tryAddress(text), undefined, JSON.stringify(text))
  for (const text of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/24/8', '::/129', '10.0.0.0/ 8']) assert.equal(tryPrefix(text), undefined, text)
})

test('a prefix holds exactly the addresses from its first to its last', () => {
  fc.assert(fc.property(address, fc.nat(128), address, (a, n, b) => {
    const prefix = prefixOf(a, n % (a.version === 4 ? 33 : 129))
    assert.equal(holds(prefix, b), b.version === a.version && b.value >= prefix.value && b.value <= lastOf(prefix).value)
    assert.deepEqual(parsePrefix(formatPrefix(prefix)), prefix)
  }))
})

test('aggregated prefixes have the same addresses, do not overlap, and are as few as can be', () => {
  fc.assert(fc.property(fc.array(small, { maxLength: 12 }), prefixes => {
    const out = aggregate(prefixes)
    for (let value = 0n; value < 256n; value++) {
      const among = (list: readonly Prefix[]) => list.some(p => holds(p, { version: 4, value }))
      assert.equal(among(out), among(prefixes))
    }
    assert.ok(out.every((a, i) => out.every((b, j) => i === j || !overlaps(a, b))))
    assert.deepEqual(aggregate(out), out)
  }))
  assert.deepEqual(aggregate(['10.0.0.0/25', '10.0.0.128/25', '10.0.1.0/24', '10.0.0.7'].map(parsePrefix)).map(formatPrefix), ['10.0.0.0/23'])
})

test('a difference has exactly the addresses of the first that are not in the second', () => {
  fc.assert(fc.property(fc.array(small, { maxLength: 6 }), fc.array(small, { maxLength: 6 }), (from, without) => {
    const out = subtract(from, without)
    for (let value = 0n; value < 256n; value++) {
      const among = (list: readonly Prefix[]) => list.some(p => holds(p, { version: 4, value }))
      assert.equal(among(out), among(from) && !among(without))
    }
  }))
})

test('default pools leave out the network, broadcast and gateway addresses', () => {
  const pools = (cidr: string, gateway?: string) => defaultPools(parsePrefix(cidr), gateway === undefined ? undefined : parseAddress(gateway)).map(p => [formatAddress(p.first), formatAddress(p.last)])
  assert.deepEqual(pools('10.0.0.0/24', '10.0.0.1'), [['10.0.0.2', '10.0.0.254']])
  assert.deepEqual(pools('10.0.0.0/24', '10.0.0.9'), [['10.0.0.1', '10.0.0.8'], ['10.0.0.10', '10.0.0.254']])
  assert.deepEqual(pools('10.0.0.0/24'), [['10.0.0.1', '10.0.0.254']])
  assert.deepEqual(pools('10.0.0.0/31'), [['10.0.0.0', '10.0.0.1']])
  assert.deepEqual(pools('fd00::/64', 'fd00::1'), [['fd00::2', 'fd00::ffff:ffff:ffff:ffff']])
})

test('a MAC gives its link-local address', () => {
  assert.equal(linkLocalOf('fa:16:3e:00:00:01'), 'fe80::f816:3eff:fe00:1')
  assert.equal(covers(parsePrefix('fe80::/64'), parsePrefix(linkLocalOf('fa:16:3e:00:00:01'))), true)
})

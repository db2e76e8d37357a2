// The kernel's judgement on the rules that we make: needs root and nftables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addNamespace, commandHost, removeNamespace } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { formatPrefix, prefixOf } from '../../model/addresses.ts'
import { filterTables, portCommands, portRemoval, zoneCommands, zoneRemoval } from '../../model/filters.ts'
import type { PacketRule } from '../../model/packet-rules.ts'

const prefix = (version: 4 | 6) => fc.tuple(fc.bigInt(0n, (1n << (version === 4 ? 32n : 128n)) - 1n), fc.integer({ min: 0, max: version === 4 ? 32 : 128 }))
  .map(([value, length]) => formatPrefix(prefixOf({ version, value }, length)))
const rule: fc.Arbitrary<PacketRule> = fc.constantFrom(4 as const, 6 as const).chain(version => fc.record({
  direction: fc.constantFrom('ingress' as const, 'egress' as const), version: fc.constant(version), prefixes: fc.array(prefix(version), { maxLength: 6 }),
}).chain(base => fc.oneof(
  fc.constant(base),
  fc.integer({ min: 1, max: 255 }).map(protocol => ({ ...base, protocol })),
  fc.tuple(fc.constantFrom(6, 17, 33, 132, 136), fc.integer({ min: 1, max: 65535 }), fc.nat(1000)).map(([protocol, first, more]) => ({ ...base, protocol, ports: [first, Math.min(65535, first + more)] as const })),
  fc.tuple(fc.nat(255), fc.option(fc.nat(255))).map(([type, code]) => ({ ...base, protocol: version === 4 ? 1 : 58, icmp: { type, ...(code !== null && { code }) } })),
)))
const mac = fc.constantFrom('fa:16:3e:00:00:01', '00:00:5e:00:01:01')
const filter = fc.record({ mac, sources: fc.array(fc.record({ mac, prefix: fc.oneof(prefix(4), prefix(6)) }), { maxLength: 8 }), rules: fc.array(rule, { maxLength: 10 }) })

test('whatever rules users write, the kernel takes a port\'s filter, its replacement and its removal, each as one transaction', async t => {
  const netns = `alto-${systemIds.hex().slice(0, 8)}-rules`
  await addNamespace(commandHost, netns)
  t.after(() => removeNamespace(commandHost, netns))
  const load = (commands: readonly string[]) => commandHost.run(['nft', '-f', '-'], { netns, input: `${commands.join('\n')}\n` })
  await load([...filterTables('t'), ...zoneCommands('t', 'brq1', 7)])
  const { stdout: empty } = await commandHost.run(['nft', 'list', 'ruleset'], { netns })
  await fc.assert(fc.asyncProperty(filter, filter, async (one, other) => {
    const port = { tap: 'tap1', number: 65535 }
    await load(portCommands('t', { ...port, filter: one }))
    await load(portCommands('t', { ...port, filter: other }))
    await load(portRemoval('t', port))
  }), { numRuns: 40 })
  assert.equal((await commandHost.run(['nft', 'list', 'ruleset'], { netns })).stdout, empty)
  await load(zoneRemoval('t', 'brq1', 7))
})

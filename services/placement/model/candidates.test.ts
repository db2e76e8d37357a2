// Properties of the candidate search and of the arithmetic under it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { deltas, flat, type Holdings } from './allocations.ts'
import { findCandidates } from './candidates.ts'
import { parseCandidateRequest } from './filters.ts'
import { capacity, fits, isAllowedAmount, type Inventory, type ProviderNode } from './providers.ts'

const CLASSES = ['VCPU', 'MEMORY_MB', 'DISK_GB'] as const
const anInventory = fc.record({
  total: fc.integer({ min: 1, max: 64 }), reserved: fc.integer({ min: 0, max: 16 }), minUnit: fc.integer({ min: 1, max: 3 }), maxUnit: fc.integer({ min: 1, max: 64 }),
  stepSize: fc.integer({ min: 1, max: 4 }), allocationRatio: fc.constantFrom(0.5, 1, 1.5, 4), used: fc.integer({ min: 0, max: 40 }),
})
const aTree = fc.array(fc.record({ parent: fc.nat(10), inventories: fc.array(fc.record({ resourceClass: fc.constantFrom(...CLASSES), inventory: anInventory }), { maxLength: 3 }), traits: fc.subarray(['CUSTOM_A', 'CUSTOM_B']) }), { minLength: 1, maxLength: 5 })
  .map((made): ProviderNode[] => made.map((one, i) => node({ id: `p${i}`, parentId: i === 0 ? null : `p${one.parent % i}`, rootId: 'p0', traits: one.traits, inventories: one.inventories.map(x => ({ ...x.inventory, resourceClass: x.resourceClass })) })))
const aQuery = fc.record({ a: fc.integer({ min: 1, max: 20 }), b: fc.integer({ min: 1, max: 20 }), policy: fc.constantFrom('none', 'isolate'), trait: fc.constantFrom('', '&required=CUSTOM_A', '&required1=!CUSTOM_B') })
  .map(({ a, b, policy, trait }) => `resources=VCPU:${a},DISK_GB:${b}&resources1=VCPU:${b}&resources2=MEMORY_MB:${a}&group_policy=${policy}${trait}`)

function node(facts: { id: string, parentId?: string | null, rootId?: string, traits?: readonly string[], aggregates?: readonly string[], inventories?: readonly Inventory[] }): ProviderNode {
  return {
    id: facts.id, name: facts.id, parentId: facts.parentId ?? null, rootId: facts.rootId ?? facts.id, generation: 0, updatedAt: 0,
    traits: new Set(facts.traits), aggregates: new Set(facts.aggregates), inventories: new Map(facts.inventories?.map(i => [i.resourceClass, i])),
  }
}

function has(resourceClass: string, total: number, used = 0): Inventory {
  return { resourceClass, total, reserved: 0, minUnit: 1, maxUnit: total, stepSize: 1, allocationRatio: 1, used }
}

const ask = (nodes: readonly ProviderNode[], query: string, opts: { minor?: number, limit?: number } = {}) =>
  findCandidates(nodes, parseCandidateRequest(new URLSearchParams(query), opts.minor ?? 39), { limit: opts.limit ?? 1000, nested: (opts.minor ?? 39) >= 29 })

test('every candidate can be claimed as it stands', () => {
  fc.assert(fc.property(aTree, aQuery, (tree, query) => {
    const byId = new Map(tree.map(n => [n.id, n]))
    for (const candidate of ask(tree, query)) {
      for (const [id, resourceClass, amount] of flat(candidate.allocations)) {
        const inventory = byId.get(id)!.inventories.get(resourceClass)!
        assert.ok(inventory.used + amount <= capacity(inventory) && isAllowedAmount(inventory, amount), `${id} ${resourceClass} ${amount}`)
      }
      if (query.includes('isolate')) assert.notDeepEqual(candidate.mappings.get('1'), candidate.mappings.get('2'))
      if (query.includes('&required=CUSTOM_A')) assert.ok(candidate.mappings.get('')!.some(id => byId.get(id)!.traits.has('CUSTOM_A')))
      if (query.includes('!CUSTOM_B')) assert.ok(!byId.get(candidate.mappings.get('1')![0]!)!.traits.has('CUSTOM_B'))
    }
  }))
})

test('a lone provider that fits is a candidate, and one that does not is none', () => {
  fc.assert(fc.property(anInventory, fc.integer({ min: 1, max: 40 }), (facts, amount) => {
    const inventory = { ...facts, resourceClass: 'VCPU' }
    assert.equal(ask([node({ id: 'a', inventories: [inventory] })], `resources=VCPU:${amount}`).length, fits(inventory, amount) ? 1 : 0)
  }))
})

test('a change of holdings sums to what it takes and gives back, given back first', () => {
  const holdings = fc.array(fc.tuple(fc.constantFrom('p', 'q'), fc.constantFrom(...CLASSES), fc.integer({ min: 1, max: 9 })), { maxLength: 4 })
    .map((rows): Holdings => new Map([...Map.groupBy(rows, r => r[0])].map(([id, own]) => [id, new Map(own.map(r => [r[1], r[2]]))])))
  const total = (all: readonly Holdings[], id: string, name: string) => all.flatMap(flat).filter(r => r[0] === id && r[1] === name).reduce((sum, r) => sum + r[2], 0)
  fc.assert(fc.property(fc.array(holdings, { maxLength: 3 }), fc.array(holdings, { maxLength: 3 }), (before, after) => {
    const changes = deltas(before, after)
    for (const id of ['p', 'q']) for (const name of CLASSES) assert.equal(changes.find(d => d.providerId === id && d.resourceClass === name)?.by ?? 0, total(after, id, name) - total(before, id, name))
    assert.deepEqual(changes.map(d => d.by > 0), changes.map(d => d.by > 0).toSorted((a, b) => Number(a) - Number(b)))
  }))
})

test('what is shared through an aggregate serves the trees of that aggregate alone', () => {
  const nodes = [
    node({ id: 'host1', aggregates: ['agg'], inventories: [has('VCPU', 4)] }), node({ id: 'host2', inventories: [has('VCPU', 4)] }),
    node({ id: 'store', aggregates: ['agg'], traits: ['MISC_SHARES_VIA_AGGREGATE'], inventories: [has('DISK_GB', 100)] }),
  ]
  assert.deepEqual(ask(nodes, 'resources=VCPU:1,DISK_GB:10').map(c => flat(c.allocations)), [[['host1', 'VCPU', 1], ['store', 'DISK_GB', 10]]])
  assert.deepEqual(ask(nodes, 'resources=VCPU:1').map(c => c.rootId), ['host1', 'host2'])
})

test('nested providers serve together from 1.29; a subtree and its root can be asked for', () => {
  const nodes = [
    node({ id: 'root', traits: ['COMPUTE_NODE'], inventories: [has('MEMORY_MB', 512)] }),
    node({ id: 'numa0', parentId: 'root', rootId: 'root', inventories: [has('VCPU', 2)] }), node({ id: 'fpga0', parentId: 'numa0', rootId: 'root', inventories: [has('FPGA', 1)] }),
    node({ id: 'numa1', parentId: 'root', rootId: 'root', inventories: [has('VCPU', 2)] }),
  ]
  assert.equal(ask(nodes, 'resources=VCPU:1,MEMORY_MB:64', { minor: 28 }).length, 0)
  assert.equal(ask(nodes, 'resources=VCPU:1,MEMORY_MB:64').length, 2)
  const together = ask(nodes, 'resources_cpu=VCPU:1&resources_acc=FPGA:1&group_policy=none&same_subtree=_cpu,_acc')
  assert.deepEqual(together.map(c => [...c.mappings]), [[['_acc', ['fpga0']], ['_cpu', ['numa0']]]])
  assert.equal(ask(nodes, 'resources=VCPU:1&root_required=!COMPUTE_NODE').length, 0)
  assert.equal(ask(nodes, 'resources=VCPU:1', { limit: 1 }).length, 1)
})

test('traits and aggregates are required, forbidden, or one of several', () => {
  const [one, two] = ['11111111-1111-1111-1111-111111111111', '22222222-2222-2222-2222-222222222222'] as const
  const nodes = [node({ id: 'a', traits: ['CUSTOM_A'], aggregates: [one], inventories: [has('VCPU', 4)] }), node({ id: 'b', traits: ['CUSTOM_B'], aggregates: [two], inventories: [has('VCPU', 4)] })]
  const names = (query: string) => ask(nodes, `resources=VCPU:1&${query}`).map(c => c.rootId)
  assert.deepEqual([names('required=CUSTOM_A'), names('required=!CUSTOM_A'), names('required=in:CUSTOM_A,CUSTOM_B')], [['a'], ['b'], ['a', 'b']])
  assert.deepEqual([names(`member_of=${two}`), names(`member_of=!${two}`), names(`member_of=in:${one},${two}`), names('in_tree=' + one)], [['b'], ['a'], ['a', 'b'], []])
})

test('a question that makes no sense is refused, and so is one that its version does not know', () => {
  for (const [query, minor] of [['', 39], ['resources=VCPU', 39], ['resources=VCPU:0', 39], ['resources=VCPU:1&limit=0', 39], ['resources=VCPU:1&limit=2', 15], ['resources1=VCPU:1', 24], ['resources_A=VCPU:1', 32],
    ['resources1=VCPU:1&resources2=VCPU:1', 39], ['resources=VCPU:1&required=!A', 21], ['resources=VCPU:1&required=A,!A', 39], ['resources=VCPU:1&member_of=x', 39], ['resources=VCPU:1&spam=1', 39],
    ['resources=VCPU:1&required1=A', 39], ['resources=VCPU:1&same_subtree=_x', 39]] as const) {
    assert.throws(() => parseCandidateRequest(new URLSearchParams(query), minor), { kind: 'badRequest' }, `${query} at 1.${minor}`)
  }
})

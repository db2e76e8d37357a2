// Which providers could serve a request: the search behind allocation candidates, pure over what was read of the trees.
//
// Properties, each a test:
// - every candidate can be claimed as it stands: no inventory is asked for more than is free, nor for amounts it does not give;
// - a candidate takes from one tree, and from providers outside it only where they share (MISC_SHARES_VIA_AGGREGATE) an aggregate with the tree;
// - a named group is served by one provider, which has the group's traits and aggregates itself; the group without a name may be spread over
//   the tree: traits are then asked of its providers together, aggregates of the provider or of its root;
// - with group policy `isolate` no two named groups are served by the same provider; groups of one same_subtree lie below one of their providers.
//
// How: per tree the ways to serve each group, then the product of these, depth first, cut as soon as a merged amount no longer fits.
// The product can be exponential in the number of groups: after `BUDGET` steps a search ends with what it has found.
import { capacity, fits, isAllowedAmount, type ProviderNode } from './providers.ts'
import type { CandidateRequest, RequestGroup } from './filters.ts'
import { SHARES_VIA_AGGREGATE } from './traits.ts'

/** One way to serve the request: amounts by class by provider id, and which providers serve which group. */
export interface Candidate {
  allocations: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Provider ids by group suffix. */
  mappings: ReadonlyMap<string, readonly string[]>
  rootId: string
}

/** How one group may be served. */
interface Service {
  suffix: string
  parts: readonly { node: ProviderNode, resourceClass: string, amount: number }[]
  providers: readonly ProviderNode[]
}

/** What a search knows while it works on one tree. */
interface Tree {
  root: ProviderNode
  nodes: readonly ProviderNode[]
  /** Providers outside the tree that share with it. */
  sharing: readonly ProviderNode[]
  byId: ReadonlyMap<string, ProviderNode>
}

const BUDGET = 200_000

/**
 * At most `limit` candidates. `nodes` holds whole trees. `nested: false` (microversions before 1.29): at most one provider of the tree serves.
 * Source: placement API reference, "List allocation candidates".
 */
export function findCandidates(nodes: readonly ProviderNode[], request: CandidateRequest, opts: { limit: number, nested: boolean }): Candidate[] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const sharing = nodes.filter(node => node.traits.has(SHARES_VIA_AGGREGATE))
  const found = new Map<string, Candidate>()
  const budget = { left: BUDGET }
  for (const [rootId, members] of Map.groupBy(nodes, node => node.rootId)) {
    const root = byId.get(rootId)
    if (!root || !request.rootRequired.every(t => root.traits.has(t)) || request.rootForbidden.some(t => root.traits.has(t))) continue
    const aggregates = new Set(members.flatMap(node => [...node.aggregates]))
    const tree = { root, nodes: members, byId, sharing: sharing.filter(s => s.rootId !== rootId && [...s.aggregates].some(a => aggregates.has(a))) }
    const services = request.groups.map(group => waysToServe(tree, group, budget))
    if (services.some(ways => ways.length === 0)) continue
    for (const chosen of products(services, budget, partial => compatible(partial, request, opts.nested, tree))) {
      if (!chosen.some(service => service.providers.some(node => node.rootId === rootId))) continue
      const candidate = candidateOf(chosen, rootId)
      found.set(keyOf(candidate), candidate)
      if (found.size >= opts.limit) return [...found.values()]
    }
  }
  return [...found.values()]
}

/** True when the provider could serve the group alone: its traits, aggregates and free inventory. For lists of providers. */
export function offers(node: ProviderNode, root: ProviderNode | undefined, group: RequestGroup): boolean {
  return hasTraits([node], group) && allows(node, group, root) && [...group.resources].every(([resourceClass, amount]) => gives(node, resourceClass, amount))
}

function waysToServe(tree: Tree, group: RequestGroup, budget: { left: number }): Service[] {
  const nodes = [...tree.nodes, ...tree.sharing].filter(node => group.inTree === undefined || tree.byId.get(group.inTree)?.rootId === node.rootId)
  if (group.suffix !== '') return nodes.filter(node => offers(node, undefined, group)).map(node => ({ suffix: group.suffix, providers: [node], parts: [...group.resources].map(([resourceClass, amount]) => ({ node, resourceClass, amount })) }))
  const allowed = nodes.filter(node => allows(node, group, tree.byId.get(node.rootId)) && !group.forbidden.some(t => node.traits.has(t)))
  const perClass = [...group.resources].map(([resourceClass, amount]) => allowed.filter(node => gives(node, resourceClass, amount)).map(node => ({ node, resourceClass, amount })))
  return [...products(perClass, budget, () => true)].map(parts => ({ suffix: '', parts, providers: [...new Set(parts.map(p => p.node))] })).filter(service => hasTraits(service.providers, group))
}

function gives(node: ProviderNode, resourceClass: string, amount: number): boolean {
  const inventory = node.inventories.get(resourceClass)
  return inventory !== undefined && fits(inventory, amount)
}

function hasTraits(nodes: readonly ProviderNode[], group: RequestGroup): boolean {
  return group.required.every(anyOf => anyOf.some(t => nodes.some(node => node.traits.has(t)))) && !group.forbidden.some(t => nodes.some(node => node.traits.has(t)))
}

function allows(node: ProviderNode, group: RequestGroup, root: ProviderNode | undefined): boolean {
  const belongs = (aggregate: string) => node.aggregates.has(aggregate) || root?.aggregates.has(aggregate) === true
  return group.memberOf.every(anyOf => anyOf.some(belongs)) && !group.outside.some(belongs)
}

/** Every choice of one of each list, depth first; branches that `viable` refuses are cut. */
function* products<T>(lists: readonly (readonly T[])[], budget: { left: number }, viable: (chosen: readonly T[]) => boolean, chosen: readonly T[] = []): Generator<readonly T[]> {
  const list = lists[chosen.length]
  if (!list) { yield chosen; return }
  for (const one of list) {
    if (budget.left-- <= 0) return
    const next = [...chosen, one]
    if (viable(next)) yield* products(lists, budget, viable, next)
  }
}

function compatible(services: readonly Service[], request: CandidateRequest, nested: boolean, tree: Tree): boolean {
  const parts = services.flatMap(s => s.parts)
  for (const [node, own] of Map.groupBy(parts, p => p.node)) {
    for (const [resourceClass, same] of Map.groupBy(own, p => p.resourceClass)) {
      const inventory = node.inventories.get(resourceClass)!
      const amount = same.reduce((sum, p) => sum + p.amount, 0)
      if (amount > inventory.maxUnit || inventory.used + amount > capacity(inventory) || !isAllowedAmount(inventory, amount)) return false
    }
  }
  if (!nested && new Set(parts.filter(p => p.node.rootId === tree.root.id).map(p => p.node.id)).size > 1) return false
  const named = services.filter(s => s.suffix !== '' && s.parts.length > 0).flatMap(s => s.providers)
  if (request.isolate && new Set(named).size < named.length) return false
  return request.sameSubtree.every(suffixes => inOneSubtree(services.filter(s => suffixes.includes(s.suffix)).flatMap(s => s.providers), services.length < request.groups.length, tree))
}

/** True when one of `providers` stands above all the others; not known before all groups are served. */
function inOneSubtree(providers: readonly ProviderNode[], unfinished: boolean, tree: Tree): boolean {
  if (unfinished || providers.length === 0) return true
  const above = (node: ProviderNode): string[] => [node.id, ...node.parentId === null ? [] : above(tree.byId.get(node.parentId)!)]
  return providers.some(top => providers.every(node => above(node).includes(top.id)))
}

function candidateOf(services: readonly Service[], rootId: string): Candidate {
  const allocations = new Map<string, Map<string, number>>()
  for (const { node, resourceClass, amount } of services.flatMap(s => s.parts)) {
    const own = allocations.get(node.id) ?? new Map<string, number>()
    allocations.set(node.id, own.set(resourceClass, (own.get(resourceClass) ?? 0) + amount))
  }
  return { allocations, rootId, mappings: new Map(services.map(s => [s.suffix, s.providers.map(node => node.id)])) }
}

function keyOf(c: Candidate): string {
  const sorted = <V>(map: ReadonlyMap<string, V>) => [...map].toSorted(([a], [b]) => a < b ? -1 : 1)
  return JSON.stringify([sorted(c.allocations).map(([id, resources]) => [id, sorted(resources)]), sorted(c.mappings)])
}

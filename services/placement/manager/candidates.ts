// Which providers could serve a request.
import type { Context } from '@alto/kit/context'
import { findCandidates, type Candidate } from '../model/candidates.ts'
import { badQuery } from '../model/faults.ts'
import type { CandidateRequest } from '../model/filters.ts'
import type { ProviderNode } from '../model/providers.ts'
import * as rules from '../policy/candidates.ts'
import * as providers from '../store/providers.ts'
import { knownClasses } from './classes.ts'
import type { Deps } from './deps.ts'
import { knownTraits } from './traits.ts'

/** Candidates, and every provider of their trees. */
export interface Candidates {
  candidates: Candidate[]
  providers: ProviderNode[]
}

export type CandidateManager = ReturnType<typeof candidateManager>

/** The use case of allocation candidates. */
export function candidateManager({ db, options }: Deps) {
  return {
    /** `nested: false` for microversions before 1.29. Fault badRequest for classes and traits that do not exist. */
    async list(ctx: Context, request: CandidateRequest, nested: boolean): Promise<Candidates> {
      ctx.authorize(rules.LIST, {})
      const resources = request.groups.flatMap(g => [...g.resources])
      const traits = new Set([...request.groups.flatMap(g => [...g.required.flat(), ...g.forbidden]), ...request.rootRequired, ...request.rootForbidden])
      const nodes = await db.read(async tx => {
        const noClass = [...new Set(resources.map(([name]) => name)).difference(await knownClasses(tx))]
        if (noClass.length) throw badQuery(`Invalid resource class in resources parameter: No such resource class ${noClass.join(', ')}.`)
        const noTrait = [...traits.difference(await knownTraits(tx))]
        if (noTrait.length) throw badQuery(`No such trait(s): ${noTrait.join(', ')}.`)
        return providers.treesWith(tx, resources)
      })
      const candidates = findCandidates(nodes, request, { nested, limit: Math.min(request.limit ?? Infinity, options.maxAllocationCandidates) })
      const used = new Set(candidates.flatMap(c => [...c.allocations.keys()]))
      const trees = new Set(nodes.filter(n => used.has(n.id)).map(n => n.rootId))
      return { candidates, providers: nodes.filter(node => nested ? trees.has(node.rootId) : used.has(node.id)) }
    },
  }
}

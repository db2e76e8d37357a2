// /allocation_candidates.
import { atLeast, route, type AnyRoute, type Version } from '@alto/kit/http'
import type { CandidateManager, Candidates } from '../manager/candidates.ts'
import type { Candidate } from '../model/candidates.ts'
import { parseCandidateRequest, type CandidateRequest } from '../model/filters.ts'
import { capacity } from '../model/providers.ts'
import * as rules from '../policy/candidates.ts'
import { fresh } from './views.ts'

/** The route of allocation candidates. */
export function candidateRoutes(candidates: CandidateManager): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/allocation_candidates', rule: rules.LIST, status: 200, summary: 'List allocation candidates', since: [1, 10],
      async handle({ ctx, url, version }) {
        const request = parseCandidateRequest(url.searchParams, version[1])
        const found = await candidates.list(ctx, request, atLeast(version, 1, 29))
        const body = { allocation_requests: found.candidates.map(c => viewRequest(c, version)), provider_summaries: viewSummaries(found, request, version) }
        return fresh(version, body, found.providers.length ? Math.max(...found.providers.map(p => p.updatedAt)) : undefined)
      },
    }),
  ]
}

function viewRequest(c: Candidate, version: Version) {
  const allocations = [...c.allocations].map(([uuid, resources]) => [uuid, Object.fromEntries(resources)] as const)
  return {
    allocations: atLeast(version, 1, 12) ? Object.fromEntries(allocations.map(([uuid, resources]) => [uuid, { resources }])) : allocations.map(([uuid, resources]) => ({ resource_provider: { uuid }, resources })),
    ...(atLeast(version, 1, 34) && { mappings: Object.fromEntries(c.mappings) }),
  }
}

function viewSummaries({ providers }: Candidates, request: CandidateRequest, version: Version) {
  const asked = new Set(request.groups.flatMap(g => [...g.resources.keys()]))
  return Object.fromEntries(providers.map(p => [p.id, {
    resources: Object.fromEntries([...p.inventories.values()].filter(i => atLeast(version, 1, 27) || asked.has(i.resourceClass)).map(i => [i.resourceClass, { capacity: capacity(i), used: i.used }])),
    ...(atLeast(version, 1, 17) && { traits: [...p.traits] }), ...(atLeast(version, 1, 29) && { parent_provider_uuid: p.parentId, root_provider_uuid: p.rootId }),
  }]))
}

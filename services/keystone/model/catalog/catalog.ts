// Regions, services, endpoints, and the catalog that a token's bearer sees of them.

/** A region; regions may stand within each other. */
export interface Region {
  id: string
  description: string
  parentId: string | null
  extra: Readonly<Record<string, unknown>>
}

/** A service of the cloud. */
export interface Service {
  id: string
  type: string
  name: string
  description: string | null
  enabled: boolean
  extra: Readonly<Record<string, unknown>>
}

/** Where a service is reached. Its URL may hold `$(base)s` (the cloud's own listener) and the project's id. */
export interface Endpoint {
  id: string
  serviceId: string
  interface: 'public' | 'internal' | 'admin'
  regionId: string | null
  url: string
  enabled: boolean
  extra: Readonly<Record<string, unknown>>
}

/** For whom a URL is filled in: where the client reached us, and whose token it shows. */
export interface UrlFacts {
  base: string
  userId: string
  projectId: string | undefined
}

const PLACE = /[%$]\((\w+)\)s/g
const PLACES: Readonly<Record<string, (facts: UrlFacts) => string | undefined>> = { base: f => f.base, user_id: f => f.userId, project_id: f => f.projectId, tenant_id: f => f.projectId }

/** Whether every place in the URL is one that can be filled in, and every other percent sign is written twice. */
export function isUsableUrl(url: string): boolean {
  return [...url.matchAll(PLACE)].every(([, name]) => Object.hasOwn(PLACES, name!)) && !/[%$]\(|%/.test(url.replaceAll(PLACE, '').replaceAll('%%', ''))
}

/** The endpoint's URL, filled in; undefined when it needs a project and there is none, or cannot be filled in at all. */
export function resolvedUrl(url: string, facts: UrlFacts): string | undefined {
  if (!isUsableUrl(url)) return undefined
  const filled = url.split('%%').map(part => {
    const values = [...part.matchAll(PLACE)].map(([, name]) => PLACES[name!]!(facts))
    return values.includes(undefined) ? undefined : part.replaceAll(PLACE, () => values.shift()!)
  })
  return filled.includes(undefined) ? undefined : filled.join('%')
}

/** Endpoints by what they have in common; without filters all of them. */
export interface EndpointGroup {
  id: string
  name: string
  description: string | null
  filters: Readonly<Partial<Record<EndpointFilterKey, string | null>>>
}

export const ENDPOINT_FILTER_KEYS = ['service_id', 'region_id', 'interface'] as const

export type EndpointFilterKey = typeof ENDPOINT_FILTER_KEYS[number]

/** Whether the endpoint has all that the group asks for. */
export function isInGroup({ filters }: EndpointGroup, endpoint: Endpoint): boolean {
  const has = { service_id: endpoint.serviceId, region_id: endpoint.regionId, interface: endpoint.interface }
  return ENDPOINT_FILTER_KEYS.every(key => filters[key] === undefined || filters[key] === has[key])
}

/** What a project was given of the catalog: single endpoints and groups of them. */
export interface ProjectEndpoints {
  endpointIds: ReadonlySet<string>
  groups: readonly EndpointGroup[]
}

/** The endpoints that the project was given, one way or the other. */
export function givenTo({ endpointIds, groups }: ProjectEndpoints, endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter(e => endpointIds.has(e.id) || groups.some(group => isInGroup(group, e)))
}

/** A policy that somebody keeps here for the endpoints of a service: a text of a media type that Keystone does not look into. */
export interface Policy {
  id: string
  type: string
  blob: string
  extra: Readonly<Record<string, unknown>>
}

/** What a policy is for: one endpoint, or those of a service, in one region (and the regions in it) or anywhere. */
export type PolicyTarget = { endpointId: string } | { serviceId: string, regionId: string | null }

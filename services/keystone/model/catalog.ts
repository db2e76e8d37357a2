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
}

/** Where a service is reached. Its URL may hold `$(base)s` (the cloud's own listener) and the project's id. */
export interface Endpoint {
  id: string
  serviceId: string
  interface: 'public' | 'internal' | 'admin'
  regionId: string | null
  url: string
  enabled: boolean
}

/** The endpoint's URL for a client that reached us at `base`; undefined when it needs a project and there is none. */
export function resolvedUrl(url: string, base: string, projectId: string | undefined): string | undefined {
  const rooted = url.replaceAll('$(base)s', base)
  const needsProject = /[%$]\((?:project_id|tenant_id)\)s/
  if (!needsProject.test(rooted)) return rooted
  return projectId === undefined ? undefined : rooted.replaceAll(/[%$]\((?:project_id|tenant_id)\)s/g, projectId)
}

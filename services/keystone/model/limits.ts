// Unified limits: what a cloud allows of a service's resource by default (registered limits), and what single projects and domains may instead.

/** The default of a resource of a service, in one region or (null) in all that have none of their own. */
export interface RegisteredLimit {
  id: string
  serviceId: string
  regionId: string | null
  resourceName: string
  /** UNLIMITED or more. */
  defaultLimit: number
  description: string | null
}

/** What one project, or one domain, may have instead of a registered limit's default. */
export interface Limit {
  id: string
  registeredLimitId: string
  /** One of the two is null. */
  projectId: string | null
  domainId: string | null
  resourceLimit: number
  description: string | null
}

/** A limit with what its registered limit says. */
export type NamedLimit = Limit & Pick<RegisteredLimit, 'serviceId' | 'regionId' | 'resourceName'>

/** No limit at all. */
export const UNLIMITED = -1
/** The largest limit: clients keep it in 32 bits. */
export const LARGEST = 0x7FFFFFFF

export const ENFORCEMENT_MODELS = ['flat', 'strict_two_level'] as const

export type EnforcementModel = typeof ENFORCEMENT_MODELS[number]

/** What `GET /v3/limits/model` says of each. */
export const MODEL_DESCRIPTIONS: Readonly<Record<EnforcementModel, string>> = {
  flat: 'Limit enforcement and validation does not take project hierarchy into consideration.',
  strict_two_level: 'This model requires project hierarchy never exceeds a depth of two',
}

/** Levels that a model allows, the domain counted; undefined: as many as the cloud does. */
export function depthOf(model: EnforcementModel): number | undefined {
  return model === 'strict_two_level' ? 2 : undefined
}

/** Whether `limit` allows more than `other`. */
export function allowsMore(limit: number, other: number): boolean {
  return other !== UNLIMITED && (limit === UNLIMITED || limit > other)
}

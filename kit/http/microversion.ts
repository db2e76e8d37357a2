// Microversions: what a client asks for, what it is given, and the headers that say so (API-SIG microversion specification).
import { Fault } from '../errors/index.ts'

/** `[2, 79]` for 2.79. Services without microversions use [0, 0]. */
export type Version = readonly [major: number, minor: number]

/** How a service negotiates. */
export interface MicroversionPolicy {
  min: Version
  max: Version
  /** The name in `OpenStack-API-Version: compute 2.79`. */
  serviceType: string
  /** Older headers that carry only the number, such as `X-OpenStack-Nova-API-Version`. */
  legacyHeaders?: readonly string[]
}

/** Negative, zero or positive as `a` is before, equal to or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1]
}

/** True when `version` is `major.minor` or later. */
export function atLeast(version: Version, major: number, minor: number): boolean {
  return compareVersions(version, [major, minor]) >= 0
}

/** `2.79`. */
export function formatVersion(version: Version): string {
  return `${version[0]}.${version[1]}`
}

/** The version that `text` names, or undefined when it names none. */
export function parseVersion(text: string): Version | undefined {
  const match = /^([1-9]\d{0,3})\.(0|[1-9]\d{0,3})$/.exec(text.trim())
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

/**
 * The version that the request's headers ask for; the smallest when they ask for none.
 * Throws Fault('badRequest', 'http.version.malformed') or Fault('notAcceptable', 'http.version.unsupported').
 */
export function negotiate(policy: MicroversionPolicy, header: (name: string) => string | undefined): Version {
  const asked = askedFor(policy, header)
  if (asked === undefined) return policy.min
  if (asked.toLowerCase() === 'latest') return policy.max
  const version = parseVersion(asked)
  if (!version) throw new Fault('badRequest', 'http.version.malformed', `API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`)
  if (compareVersions(version, policy.min) < 0 || compareVersions(version, policy.max) > 0) {
    throw new Fault('notAcceptable', 'http.version.unsupported', `Version ${asked} is not supported by the API. Minimum is ${formatVersion(policy.min)} and maximum is ${formatVersion(policy.max)}.`)
  }
  return version
}

/** The response headers that say which version answered. */
export function versionHeaders(policy: MicroversionPolicy, version: Version): Record<string, string> {
  const legacy = policy.legacyHeaders ?? []
  return {
    'openstack-api-version': `${policy.serviceType} ${formatVersion(version)}`,
    ...Object.fromEntries(legacy.map(name => [name.toLowerCase(), formatVersion(version)])),
    vary: ['OpenStack-API-Version', ...legacy].join(', '),
  }
}

function askedFor(policy: MicroversionPolicy, header: (name: string) => string | undefined): string | undefined {
  for (const part of header('openstack-api-version')?.split(',') ?? []) {
    const [type, number, ...rest] = part.trim().split(/\s+/)
    if (type?.toLowerCase() === policy.serviceType && number !== undefined && rest.length === 0) return number
  }
  return policy.legacyHeaders?.map(name => header(name.toLowerCase())).find(value => value !== undefined)
}

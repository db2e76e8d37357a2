// Access rules: which requests an application credential may make.

/** A request that an application credential may make: METHOD PATH of the service of that type in the catalog. A user's rules are shared by its credentials. */
export interface AccessRule {
  id: string
  userId: string
  /** A service type of the catalog. */
  service: string
  /** A path of that service, with `{name}` and `*` for one step of it and `**` for any. */
  path: string
  method: string
}

/** What an access rule says, wherever it is kept. */
export type AccessRuleText = Pick<AccessRule, 'service' | 'path' | 'method'>

/** True when both name the same requests in the same words. */
export function sameRule(a: AccessRuleText, b: AccessRuleText): boolean {
  return a.service === b.service && a.path === b.path && a.method === b.method
}

// The options of a user, role, project or domain (`options` in its body), most of them on or off.

/** Options by name. */
export type ResourceOptions = Readonly<Record<string, unknown>>

/** The options with changes made to them: null takes one away. */
export function withOptions(options: ResourceOptions, changes: ResourceOptions = {}): ResourceOptions {
  return Object.fromEntries(Object.entries({ ...options, ...changes }).filter(([, value]) => value !== null))
}

/** Whether nobody may change or remove it. */
export function isImmutable({ options }: { options: ResourceOptions }): boolean {
  return options['immutable'] === true
}

/** Whether a change does no more than to make an immutable thing mutable: all that may be done to one. */
export function onlyReleases({ extra, ...members }: { options?: ResourceOptions | undefined, extra?: Readonly<Record<string, unknown>> | undefined }): boolean {
  const named = Object.values(members).filter(value => value !== undefined)
  const released = members.options?.['immutable']
  return Object.keys(extra ?? {}).length === 0 && named.length === 1 && (released === false || released === null)
}

// Neutron's addition to the policy language: `field:networks:shared=True`, `field:port:device_owner=~^network:`.

/** The test for the text after `field:`; it looks at the target's attribute, whatever resource it is asked about. */
export function fieldCheck(match: string): (question: { readonly target: Readonly<Record<string, unknown>> }) => boolean {
  const equals = match.indexOf('=')
  const field = match.slice(match.indexOf(':') + 1, equals)
  const wanted = match.slice(equals + 1)
  if (wanted.startsWith('~')) {
    const pattern = new RegExp(wanted.slice(1))
    return ({ target }) => typeof target[field] === 'string' && pattern.test(target[field])
  }
  return ({ target }) => target[field] !== undefined && target[field] !== null && String(target[field]).toLowerCase() === wanted.toLowerCase()
}

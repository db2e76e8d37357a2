// How Nova says no: `{"itemNotFound": {"code", "message"}}`, one name for each status.
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest', 401: 'unauthorized', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod', 406: 'notAcceptable', 409: 'conflictingRequest', 413: 'overLimit', 415: 'badMediaType', 429: 'overLimit',
  501: 'notImplemented', 503: 'serviceUnavailable',
}

export const dialect: Dialect = {
  render(fault, { requestId, unexpected }) {
    const code = statusOf(fault.kind, unexpected)
    if (code === 401) return { status: code, headers: { 'www-authenticate': 'Keystone uri="/identity"' }, body: { error: { code, title: 'Unauthorized', message: fault.message } } }
    const message = unexpected ? `Unexpected API Error. Please report what you did with this request id: ${requestId}` : fault.message
    return { status: code, body: { [NAMES[code] ?? 'computeFault']: { code, message } } }
  },
  invalid({ where, path, keyword, message, params, value }) {
    const field = path.at(-1) ?? (where === 'query' ? 'query' : 'body')
    if (keyword === 'required') return new Fault('badRequest', 'nova.invalid', `Invalid input for field/attribute ${field}. Value: ${shown(value)}. ${names(params['requiredProperties'])} is a required property`)
    if (keyword === 'additionalProperties') return new Fault('badRequest', 'nova.invalid', `Invalid input for field/attribute ${field}. Value: ${shown(value)}. Additional properties are not allowed (${names(params['additionalProperties'])} was unexpected)`)
    return new Fault('badRequest', 'nova.invalid', `Invalid input for field/attribute ${field}. Value: ${shown(value)}. ${shown(value)} ${message}`)
  },
  forbidden: rule => new Fault('forbidden', 'nova.forbidden', `Policy doesn't allow ${rule} to be performed.`),
  noRoute: () => new Fault('notFound', 'nova.noRoute', 'The resource could not be found.'),
}

function names(value: unknown): string {
  return (Array.isArray(value) ? value : [value]).map(name => `'${String(name)}'`).join(', ')
}

/** Short, and never an object: user data and passwords may be in it. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : typeof value === 'object' && value !== null ? 'the value' : String(value)
}

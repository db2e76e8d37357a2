// How Neutron says no: `{"NeutronError": {"type", "message", "detail"}}`; what the token check refuses is Keystone's middleware's.
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const TYPES: Readonly<Record<number, string>> = {
  400: 'HTTPBadRequest', 403: 'HTTPForbidden', 404: 'HTTPNotFound', 405: 'HTTPMethodNotAllowed', 409: 'HTTPConflict', 412: 'HTTPPreconditionFailed', 413: 'HTTPRequestEntityTooLarge',
  415: 'HTTPUnsupportedMediaType', 500: 'HTTPInternalServerError', 501: 'HTTPNotImplemented', 503: 'HTTPServiceUnavailable',
}

export const dialect: Dialect = {
  render(fault, { unexpected }) {
    const status = statusOf(fault.kind, unexpected, { overQuota: 409 })
    if (status === 401) return { status, body: { error: { code: 401, title: 'Unauthorized', message: fault.message } }, headers: { 'www-authenticate': 'Keystone uri="/identity"' } }
    return { status, body: { NeutronError: { type: typeOf(fault, status), message: fault.message, detail: '' } } }
  },
  invalid({ path, keyword, message, params }) {
    if (keyword === 'required') return new Fault('badRequest', 'neutron.HTTPBadRequest', `Unable to find '${[params['requiredProperties']].flat().join(', ')}' in request body`)
    return new Fault('badRequest', 'neutron.HTTPBadRequest', `Invalid input for ${path.join('.') || 'body'}. Reason: ${message}.`)
  },
  forbidden: rule => new Fault('forbidden', 'neutron.HTTPForbidden', `rule:${rule} is disallowed by policy`),
  noRoute: () => new Fault('notFound', 'neutron.HTTPNotFound', 'The resource could not be found.'),
}

/** Upstream's name of the error: the last step of our codes, where it is one. */
function typeOf(fault: Fault, status: number): string {
  const last = fault.code.split('.').at(-1)!
  return fault.code.startsWith('neutron.') && /^[A-Z]/.test(last) ? last : TYPES[status] ?? 'HTTPError'
}

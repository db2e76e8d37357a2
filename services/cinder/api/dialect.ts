// How Cinder says no: `{"itemNotFound": {"code": 404, "message": …}}`.
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest', 401: 'unauthorized', 403: 'forbidden', 404: 'itemNotFound', 405: 'badMethod', 406: 'notAcceptable', 409: 'conflictingRequest', 413: 'overLimit', 415: 'badMediaType', 429: 'overLimit', 501: 'notImplemented', 503: 'serviceUnavailable',
}

export const dialect: Dialect = {
  render(fault, { unexpected }) {
    const code = statusOf(fault.kind, unexpected, { overQuota: 413 })
    const waits = code === 413
    return { status: code, body: { [NAMES[code] ?? 'computeFault']: { code, message: fault.message, ...(waits && { retryAfter: '0' }) } }, ...(waits && { headers: { 'retry-after': '0' } }) }
  },
  invalid({ path, keyword, message, params, value }) {
    const names = (list: unknown) => [list].flat().map(n => `'${String(n)}'`).join(', ')
    const fault = (text: string) => new Fault('badRequest', 'cinder.invalid', text)
    const shown = typeof value === 'string' ? value.slice(0, 60) : typeof value === 'object' ? 'the value' : String(value)
    if (keyword === 'required') return fault(`${names(params['requiredProperties'])} is a required property`)
    if (keyword === 'additionalProperties') return fault(`Additional properties are not allowed (${names(params['additionalProperties'])} was unexpected)`)
    return fault(`Invalid input for field/attribute ${path.at(-1) ?? 'body'}. Value: ${shown}. ${message}`)
  },
  forbidden: rule => new Fault('forbidden', 'cinder.forbidden', `Policy doesn't allow ${rule} to be performed.`),
}

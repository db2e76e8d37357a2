// How Keystone says no: `{"error": {"code", "message", "title"}}`.
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 409: 'Conflict', 410: 'Gone', 413: 'Request Entity Too Large',
  415: 'Unsupported Media Type', 500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable',
}

export const dialect: Dialect = {
  render(fault, { unexpected }) {
    const code = statusOf(fault.kind, unexpected)
    return { status: code, body: { error: { code, message: fault.message, title: TITLES[code] ?? 'Error' } }, ...(code === 401 && { headers: { 'www-authenticate': 'Keystone uri="/v3"' } }) }
  },
  invalid({ path, keyword, message, params, value }) {
    if (keyword === 'required') return new Fault('badRequest', 'keystone.invalid', `${quoted(params['requiredProperties'])} is a required property`)
    if (keyword === 'additionalProperties') return new Fault('badRequest', 'keystone.invalid', `Additional properties are not allowed (${quoted(params['additionalProperties'])} was unexpected)`)
    return new Fault('badRequest', 'keystone.invalid', `Invalid input for field '${path.join('/') || 'body'}': ${shown(path, value)} ${message}`)
  },
  forbidden: rule => new Fault('forbidden', 'keystone.forbidden', `You are not authorized to perform the requested action: ${rule}.`),
  noRoute: () => new Fault('notFound', 'keystone.noRoute', 'The resource could not be found.'),
}

function quoted(names: unknown): string {
  return (Array.isArray(names) ? names : [names]).map(n => `'${String(n)}'`).join(', ')
}

/** Members whose values are secrets, or hold some. */
const SECRETS: readonly string[] = ['password', 'original_password', 'passcode', 'secret', 'blob', 'signature', 'token']

/** Short, and never an object or a secret. */
function shown(path: readonly string[], value: unknown): string {
  if (path.some(name => SECRETS.includes(name))) return 'the value'
  return typeof value === 'string' ? `'${value.slice(0, 60)}'` : typeof value === 'object' ? 'the value' : String(value)
}

// How Glance says no: a small HTML page with the status and a sentence, as its clients expect.
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 409: 'Conflict', 410: 'Gone',
  413: 'Request Entity Too Large', 415: 'Unsupported Media Type', 416: 'Requested Range Not Satisfiable', 500: 'Internal Server Error', 501: 'Not Implemented', 503: 'Service Unavailable',
}

export const dialect: Dialect = {
  render(fault, { unexpected }) {
    const code = statusOf(fault.kind, unexpected, { overQuota: 413 })
    if (code === 401) return { status: 401, headers: { 'www-authenticate': 'Keystone uri="/identity"' }, body: { error: { code, title: 'Unauthorized', message: fault.message } } }
    const status = `${code} ${TITLES[code] ?? 'Error'}`
    const size = fault.detail['size']
    return {
      status: code,
      headers: { 'content-type': 'text/html; charset=UTF-8', ...(code === 416 && typeof size === 'number' && { 'content-range': `bytes */${size}` }) },
      body: `<html>\n <head>\n  <title>${status}</title>\n </head>\n <body>\n  <h1>${status}</h1>\n  ${escaped(fault.message)}<br /><br />\n\n\n </body>\n</html>`,
    }
  },
  invalid({ path, keyword, message, params, value }) {
    if (keyword === 'required') return new Fault('badRequest', 'glance.invalid', `Provided object does not match the schema: ${JSON.stringify(params['requiredProperties'])} is required.`)
    return new Fault('badRequest', 'glance.invalid', `Provided object does not match the schema: ${JSON.stringify(value)?.slice(0, 120) ?? 'the value'} at '${path.join('/')}' ${message}`)
  },
  forbidden: rule => new Fault('forbidden', 'glance.forbidden', `You are not authorized to complete ${rule} action.`),
  noRoute: () => new Fault('notFound', 'glance.noRoute', 'The resource could not be found.'),
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;' }

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, c => ENTITIES[c]!)
}

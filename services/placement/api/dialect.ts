// How Placement says no: `{"errors": [{status, title, detail, code, request_id}]}` (API-SIG errors guideline).
import { Fault } from '@alto/kit/errors'
import type { Dialect } from '@alto/kit/http'
import { statusOf } from '@alto/kit/openstack'

const WORDS: Readonly<Record<number, readonly [title: string, explanation: string]>> = {
  400: ['Bad Request', 'The server could not comply with the request since it is either malformed or otherwise incorrect.'],
  401: ['Unauthorized', 'This server could not verify that you are authorized to access the document you requested.'],
  403: ['Forbidden', 'Access was denied to this resource.'], 404: ['Not Found', 'The resource could not be found.'],
  405: ['Method Not Allowed', 'The method specified is not allowed for this resource.'], 406: ['Not Acceptable', 'The resource could not be generated that was acceptable to your browser.'],
  409: ['Conflict', 'There was a conflict when trying to complete your request.'], 413: ['Request Entity Too Large', 'The body of your request was too large for this server.'],
  415: ['Unsupported Media Type', 'The request media type is not supported by this server.'], 500: ['Internal Server Error', 'The server has either erred or is incapable of performing the requested operation.'],
}
/** The codes that clients may match on, as upstream documents them; every other fault has UNDEFINED. */
const CODES: ReadonlySet<string> = new Set([
  'placement.concurrent_update', 'placement.duplicate_name', 'placement.inventory.inuse', 'placement.resource_provider.inuse', 'placement.resource_provider.cannot_delete_parent',
  'placement.resource_provider.not_found', 'placement.query.bad_value', 'placement.query.missing_value', 'placement.query.duplicate_key',
])
const UNDEFINED = 'placement.undefined_code'

export const dialect: Dialect = {
  render(fault, { requestId, unexpected }) {
    const status = statusOf(fault.kind, unexpected)
    const [title, explanation] = WORDS[status] ?? ['Error', 'The request failed.']
    const detail = `${explanation}\n\n ${fault.message}  `
    return { status, body: { errors: [{ status, title, detail, code: CODES.has(fault.code) ? fault.code : UNDEFINED, request_id: requestId }] } }
  },
  invalid({ where, path, keyword, message, params, value }) {
    const code = where === 'query' ? 'placement.query.bad_value' : 'placement.invalid'
    const names = (list: unknown) => [list].flat().map(n => `'${String(n)}'`).join(', ')
    if (keyword === 'required') return new Fault('badRequest', where === 'query' ? 'placement.query.missing_value' : code, `JSON does not validate: ${names(params['requiredProperties'])} is a required property`)
    if (keyword === 'additionalProperties') return new Fault('badRequest', code, `JSON does not validate: Additional properties are not allowed (${names(params['additionalProperties'])} was unexpected)`)
    return new Fault('badRequest', code, `JSON does not validate: ${(JSON.stringify(value) ?? 'nothing').slice(0, 200)} ${message}  Failed validating '${keyword}' at ${path.join('.') || where}`)
  },
  forbidden: rule => new Fault('forbidden', 'placement.forbidden', `${rule.startsWith('placement:') ? rule : 'The rule'} does not allow this.`),
}

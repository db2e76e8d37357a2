// Asking another OpenStack service over its public API: as the caller of this request, or as our own service user.
import type { Readable } from 'node:stream'
import type { Clock } from '../clock/index.ts'
import { Fault, type FaultKind } from '../errors/index.ts'
import type { Fetch, FetchResponse } from '../http/index.ts'
import type { ServiceSession } from './session.ts'

/** On whose behalf a call is made. `{ token }` passes the caller's own token on, with ours beside it (X-Service-Token). */
export type Caller = 'service' | { token: string }

/** One call. */
export interface RestCall {
  as: Caller
  method: string
  /** Path and query below the service's endpoint: `/v2.0/ports?device_id=…`. */
  path: string
  body?: unknown
  /** A body that is not JSON. */
  stream?: Readable
  headers?: Readonly<Record<string, string>>
  /** TASK/STEP: a repeated creating call gets the first one's answer. */
  key?: string
  /** Milliseconds; 60 s when not given, without end for streams. */
  deadline?: number
  /** Copied into X-Openstack-Request-Id. */
  requestId?: string | undefined
}

/** A success: 2xx, its body parsed as JSON. */
export interface RestAnswer {
  status: number
  body: unknown
  headers: Readonly<Record<string, string | undefined>>
}

/** One service, as its clients see it. */
export interface RestClient {
  /**
   * Throws a Fault for every other status: its kind follows the status, its code is `rest.SERVICE.STATUS`, its message is the service's own;
   * Fault('unavailable', 'rest.SERVICE.unreachable') when there is no answer within the deadline.
   */
  call(call: RestCall): Promise<RestAnswer>
  /** The same, with the body as a stream. */
  stream(call: RestCall): Promise<FetchResponse>
}

const KINDS: Readonly<Record<number, FaultKind>> = {
  400: 'badRequest', 401: 'unauthenticated', 403: 'forbidden', 404: 'notFound', 405: 'methodNotAllowed', 406: 'notAcceptable', 409: 'conflict', 410: 'gone', 412: 'preconditionFailed',
  413: 'overQuota', 415: 'unsupportedMediaType', 416: 'rangeNotSatisfiable', 422: 'badRequest', 429: 'tooManyRequests', 501: 'notImplemented',
}

/** A client of the service called `name`, whose endpoint is `endpoint` (a URL, or a prefix for the in-memory dispatch). */
export function restClient(name: string, endpoint: string, deps: { fetch: Fetch, session: ServiceSession, clock: Clock }): RestClient {
  const { fetch, session, clock } = deps

  async function send(call: RestCall, renewed: boolean): Promise<FetchResponse> {
    const own = await session.token(renewed)
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers, 'x-auth-token': call.as === 'service' ? own : call.as.token }
    if (call.as !== 'service') headers['x-service-token'] = own
    if (call.key !== undefined) headers['x-alto-idempotency-key'] = call.key
    if (call.requestId !== undefined) headers['x-openstack-request-id'] = call.requestId
    if (call.body !== undefined) headers['content-type'] ??= 'application/json'
    const late = new AbortController()
    const deadline = call.deadline ?? (call.stream ? undefined : 60_000)
    const cancel = deadline === undefined ? () => {} : clock.after(deadline, () => late.abort(new Error(`no answer within ${deadline} ms`)))
    try {
      return await fetch({ method: call.method, url: `${endpoint}${call.path}`, headers, signal: late.signal, body: call.stream ?? (call.body === undefined ? undefined : JSON.stringify(call.body)) })
    } catch (cause) {
      throw new Fault('unavailable', `rest.${name}.unreachable`, `The ${name} service does not answer.`, { cause })
    } finally {
      cancel()
    }
  }

  async function stream(call: RestCall): Promise<FetchResponse> {
    const response = await send(call, false)
    if (response.status === 401 && call.as === 'service' && !call.stream) {
      response.body.destroy()
      return succeed(name, await send(call, true))
    }
    return succeed(name, response)
  }

  return {
    stream,
    async call(call) {
      const response = await stream(call)
      const text = await response.text()
      const json = text !== '' && (response.headers['content-type'] ?? '').includes('json')
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) as unknown : undefined }
    },
  }
}

async function succeed(name: string, response: FetchResponse): Promise<FetchResponse> {
  if (response.status >= 200 && response.status < 300) return response
  const text = await response.text()
  throw new Fault(KINDS[response.status] ?? 'unavailable', `rest.${name}.${response.status}`, messageIn(text) ?? `The ${name} service answered ${response.status}.`, { detail: { answer: text.slice(0, 2000) } })
}

function messageIn(text: string): string | undefined {
  try {
    return firstMessage(JSON.parse(text))
  } catch {
    return undefined
  }
}

function firstMessage(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { message, detail } = value as { message?: unknown, detail?: unknown }
  if (typeof message === 'string') return message
  if (typeof detail === 'string' && detail !== '') return detail
  for (const member of Object.values(value)) {
    const found = firstMessage(member)
    if (found !== undefined) return found
  }
  return undefined
}

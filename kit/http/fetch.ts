// Asking a service: one shape, in memory within a process and over the network between processes. Both stream both ways.
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Fault } from '../errors/index.ts'

/** A request. */
export interface FetchRequest {
  method: string
  /** Absolute, or a path with query for the in-memory dispatch. */
  url: string
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array | Readable | undefined
  signal?: AbortSignal | undefined
}

/** An answer. Its body must be read or destroyed. */
export interface FetchResponse {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  body: Readable
  text(): Promise<string>
  /** The body as JSON; undefined when it is empty. */
  json(): Promise<unknown>
}

export type Fetch = (request: FetchRequest) => Promise<FetchResponse>

/**
 * Reaches `app` without a socket: streams with back-pressure both ways, and the handler's signal aborts when the caller's does. When the
 * answer ends, so does what is left of it in the handler, and of the request's body: nobody reads on, and a file that bytes come from is not to stay open.
 */
export function dispatchTo(app: FastifyInstance): Fetch {
  return async ({ method, url, headers, body, signal }) => {
    const { pathname, search } = new URL(url, 'http://localhost')
    const sender = body instanceof Readable ? watched(body) : undefined
    const signals = [signal, sender?.brokeOff].filter(one => one !== undefined)
    try {
      signal?.throwIfAborted()                                    // an answer that begins aborted is an error that nobody hears, and ends the process
      const response = await app.inject({
        method: method as 'GET', url: pathname + search, headers: { ...headers }, payloadAsStream: true,
        ...(body !== undefined && { payload: body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body }),
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      }).then(begun => begun)                                     // begins it now, and not a moment later
      const answer = response.stream()
      answer.once('close', () => {
        sender?.letGo()
        response.raw.res.destroy()
      })
      return responseOf(response.statusCode, response.headers, answer)
    } catch (error) {
      sender?.letGo()
      throw error
    } finally {
      sender?.release()
    }
  }
}

/** `brokeOff` aborts when `body` is destroyed before its end, with or without an error, until nobody needs to know any more. `letGo`: nobody reads on. */
function watched(body: Readable): { brokeOff: AbortSignal, release(): void, letGo(): void } {
  const gone = new AbortController()
  const closed = () => { if (!body.readableEnded) gone.abort(body.errored ?? new Error('the sender broke off')) }
  body.once('close', closed)
  return { brokeOff: gone.signal, release: () => body.off('close', closed), letGo: () => body.destroy() }
}

/** Reaches services over the network with keep-alive connections. */
export const networkFetch: Fetch = async ({ method, url, headers, body, signal }) => {
  const streamed = body instanceof Readable
  const init: RequestInit & { duplex?: 'half' } = {
    method, redirect: 'manual', ...(headers && { headers: { ...headers } }), ...(signal && { signal }),
    ...(body !== undefined && { body: (streamed ? Readable.toWeb(body) : body) as NonNullable<RequestInit['body']> }), ...(streamed && { duplex: 'half' }),
  }
  try {
    const response = await fetch(url, init)
    const stream = response.body ? Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]) : Readable.from([])
    return responseOf(response.status, Object.fromEntries(response.headers), stream)
  } catch (cause) {
    throw new Fault('unavailable', 'http.unreachable', `${new URL(url).host} could not be reached`, { cause })
  }
}

/**
 * Reaches what is carried at any of `bases` (URLs without a path); URLs are paths then. The one that answered last is asked first; the next one when it
 * cannot be reached or breaks off, unless a stream was sent: that cannot be sent twice. So a request may be carried out twice: those that change something
 * are to be safe to repeat, as all between services are. Throws Fault('unavailable', 'http.unreachable') when none answers.
 */
export function firstAnswering(bases: readonly string[], fetch: Fetch): Fetch {
  let preferred = 0
  return async request => {
    let last: unknown = new Fault('unavailable', 'http.unreachable', 'no address is known for it')
    for (let turn = 0; turn < bases.length; turn++) {
      const at = (preferred + turn) % bases.length
      try {
        const answer = await fetch({ ...request, url: `${bases[at]!.replace(/\/$/, '')}${request.url}` })
        preferred = at
        return answer
      } catch (error) {
        last = error
        if (request.body instanceof Readable || request.signal?.aborted) {
          preferred = (at + 1) % bases.length
          break
        }
      }
    }
    throw last
  }
}

function responseOf(status: number, headers: Readonly<Record<string, string | number | string[] | undefined>>, body: Readable): FetchResponse {
  const text = async () => {
    const chunks: Buffer[] = []
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).toString('utf8')
  }
  return {
    status, body, text,
    headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v === undefined ? undefined : String(v)])),
    async json() {
      const got = await text()
      return got === '' ? undefined : JSON.parse(got) as unknown
    },
  }
}

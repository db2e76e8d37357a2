// The one way in which stores ask over HTTP: every request has deadlines, no redirect is followed, and no header is ever part of an error.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'

/** A request. A body is held in memory, in pieces, so that it can be sent again. */
export interface StoreRequest {
  method: string
  url: URL
  headers?: Readonly<Record<string, string>>
  body?: readonly Uint8Array[] | undefined
}

/** An answer. Its body must be read or destroyed. */
export interface StoreAnswer {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  body: Readable
}

export type StoreClient = (request: StoreRequest) => Promise<StoreAnswer>

/** Milliseconds without a byte, either way, until a request is given up. */
const SILENT_FOR = 60_000
/** Bytes of an answer that is no image's. */
const MOST_TEXT = 8 * 1024 * 1024

/**
 * A client. `lookup` resolves names, and may refuse addresses. `idle`: connections that are kept for the next request.
 * What it gives throws Fault('unavailable', 'glance.store.unreachable').
 */
export function storeClient(opts: { lookup?: LookupFunction, silentFor?: number, idle?: number } = {}): StoreClient {
  const kept = { keepAlive: true, maxFreeSockets: opts.idle ?? 8, keepAliveMsecs: 10_000 }
  const agents = { http: new HttpAgent(kept), https: new HttpsAgent(kept) }
  return ({ method, url, headers, body }) => new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:'
    const failed = (cause: Error) => reject(unreachable(url, cause))
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method, agent: secure ? agents.https : agents.http, timeout: opts.silentFor ?? SILENT_FOR, ...(opts.lookup && { lookup: opts.lookup }),
      headers: { ...headers, ...(body && { 'content-length': String(sizeOf(body)) }) },
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', failed)
    request.on('upgrade', (_answer, socket) => socket.destroy())
    request.on('close', () => failed(new Error('the connection ended without an answer')))
    request.on('response', (answer: IncomingMessage) => {
      resolve({ status: answer.statusCode ?? 0, headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value])), body: answer })
    })
    for (const piece of body ?? []) request.write(piece)
    request.end()
  })
}

/** Bytes in all pieces together. */
export function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** The whole body as text, at most 8 MiB. Throws Fault('unavailable', 'glance.store.unreachable') when it breaks off. */
export async function textOf(answer: StoreAnswer): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MOST_TEXT) throw new Error('the answer is too long')
      chunks.push(chunk)
    }
  } catch (cause) {
    throw new Fault('unavailable', 'glance.store.unreachable', 'a store broke off its answer', { cause })
  }
  return Buffer.concat(chunks).toString()
}

/** Lets an answer go whose body nobody needs, so that its connection serves the next request. */
export async function dropped(answer: StoreAnswer): Promise<void> {
  await textOf(answer)
}

/** What an answer of a status that was not expected is to us; names method, host, path and status. */
export function unexpected({ method, url }: StoreRequest, status: number): Fault {
  if (status === 507 || status === 413) return new Fault('tooLarge', 'glance.store.full', 'There is not enough disk space on the image storage media.')
  const inTrouble = status >= 500 || status === 408 || status === 429
  return new Fault('unavailable', inTrouble ? 'glance.store.trouble' : 'glance.store.answer', `a store answered ${status} to ${method} ${url.host}${url.pathname}`)
}

function unreachable(url: URL, cause: Error): Fault {
  return new Fault('unavailable', 'glance.store.unreachable', `${url.host} did not answer: ${cause.message}`, { cause })
}

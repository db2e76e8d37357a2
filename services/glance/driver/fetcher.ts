// Getting bytes from a URL that a user named: the one place that does, so that no user makes the cloud ask for what it should not (SSRF).
//
// The properties it keeps, each with a row in fetcher.test.ts:
// - only http and https, and only the schemes, hosts and ports that the options allow; URLs with a user name or password are refused, so none is kept or logged;
// - a host's name is resolved once for each request, every address that is not public is dropped (addresses.ts), and the connection goes to an address that was looked at:
//   what the name resolves to a moment later is nobody's matter. TLS still proves the name. A name that has no address yet passes `check` (upstream's tells it in the task too);
// - the URL's spelling is the WHATWG parser's: 2130706433, 0x7f.1, 0177.0.0.1 and 127.0.0.1. are one address, and are looked at as that;
// - a redirect is a new URL: all of this again, a few times at most. Nothing is sent along but the host's name: no cookie, no credential, no proxy;
// - a resolver or an answer that says nothing for a while ends, as does all that takes too long or gives more bytes than it said or may.
import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Clock } from '@alto/kit/clock'
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import type { ByteRange } from '../model/ranges.ts'
import { isReachable, rangesOf } from './addresses.ts'

/** Gives the addresses of a host's name. Rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>

/** What may be fetched. An allowed list that is not empty is obeyed alone; the disallowed one beside it is not looked at. */
export interface FetcherOptions {
  allowedSchemes: readonly string[]
  disallowedSchemes: readonly string[]
  allowedHosts: readonly string[]
  disallowedHosts: readonly string[]
  allowedPorts: readonly string[]
  disallowedPorts: readonly string[]
  /** Ranges of addresses that may be reached though they are not public: `10.2.0.0/16`. */
  allowedRanges: readonly string[]
  /** Milliseconds without a byte, and altogether. */
  idleMs: number
  totalMs: number
}

/** An answer. `size` is what it said it has, in bytes; the bytes end it, and must be read or returned from. `isPart`: they are the range that was asked for, and no more. */
export interface Fetched { size: number | undefined, bytes: AsyncIterable<Uint8Array>, isPart?: boolean }

/** Fetches what users name. */
export interface Fetcher {
  /** Throws Fault('badRequest', 'glance.fetch.refused') when `url` may not be fetched, as far as can be told now. */
  check(url: string): Promise<void>
  /**
   * Gets what is at `url`; of a `range` only that, when the server can. Throws Fault('badRequest', 'glance.fetch.refused') for it or for where it leads, Fault('badRequest', 'glance.fetch.failed') when the answer is no image,
   * and while the bytes are read when they break off or take too long.
   */
  get(url: string, signal: AbortSignal, range?: ByteRange): Promise<Fetched>
  /** The bytes of what is at `url`, as the answer to a HEAD says, or to a GET where that tells nothing; undefined when neither does. Throws as `get` does. */
  size(url: string, signal: AbortSignal): Promise<number | undefined>
}

/** What is asked of a server. */
interface Asked { readonly method: 'GET' | 'HEAD', readonly range?: ByteRange | undefined }

const HOPS = 5
const REDIRECTS = [301, 302, 303, 307, 308]

/** A fetcher; `resolve` is the machine's resolver when not given. Throws an Error for an allowed range that is none. */
export function fetcher(options: FetcherOptions, { clock, resolve = systemResolve }: { clock: Clock, resolve?: Resolve | undefined }): Fetcher {
  const ranges = rangesOf(options.allowedRanges)

  /** The URL, and the addresses at which it may be reached. */
  async function looked(text: string, signal: AbortSignal): Promise<{ url: URL, addresses: readonly string[] }> {
    const url = URL.parse(text)
    if (!url) throw refused('it is no URL')
    const scheme = url.protocol.slice(0, -1)
    if (scheme !== 'http' && scheme !== 'https') throw refused(`scheme ${scheme.slice(0, 32)} is none of http and https`)
    if (!lets(scheme, options.allowedSchemes, options.disallowedSchemes)) throw refused(`scheme ${scheme} is not allowed`)
    if (url.username !== '' || url.password !== '') throw refused('it names a user')
    const host = plainHost(url.hostname)
    if (host === '') throw refused('it names no host')
    if (!lets(host, options.allowedHosts.map(plainHost), options.disallowedHosts.map(plainHost))) throw refused(`host ${host} is not allowed`)
    const port = url.port === '' ? scheme === 'http' ? '80' : '443' : url.port
    if (port === '0' || !lets(port, options.allowedPorts, options.disallowedPorts)) throw refused(`port ${port} is not allowed`)
    const found = isIP(host) ? [host] : await resolved(host, signal)
    const addresses = found.filter(address => isReachable(address, ranges) && (options.allowedHosts.length > 0 || !options.disallowedHosts.map(plainHost).includes(address)))
    if (addresses.length === 0) throw refused(`host ${host} is at no address that may be reached`)
    return { url, addresses }
  }

  /** The addresses of a name. A resolver that is silent is not waited for longer than an answer is. */
  async function resolved(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const { promise, reject } = Promise.withResolvers<never>()
    const stop = () => reject(signal.reason as Error)
    const cancel = clock.after(options.idleMs, () => reject(failed(`host ${host} was not resolved for ${options.idleMs / 1000} s`)))
    signal.addEventListener('abort', stop)
    try {
      signal.throwIfAborted()
      return await Promise.race([resolve(host), promise])
    } catch (cause) {
      signal.throwIfAborted()
      throw isFault(cause) ? cause : failed(`host ${host} cannot be resolved`, cause)
    } finally {
      signal.removeEventListener('abort', stop)
      cancel()
    }
  }

  async function answered(text: string, signal: AbortSignal, { method, range: asked }: Asked): Promise<{ answer: IncomingMessage, isPart: boolean }> {
    let next = text
    let range = asked
    for (let hop = 0; hop <= HOPS; hop++) {
      const { url, addresses } = await looked(next, signal)
      const answer = await firstOf(url, addresses, { signal, method, range })
      const status = answer.statusCode ?? 0
      const location = answer.headers.location
      if (status === 200) return { answer, isPart: false }
      if (range && status === 206 && answer.headers['content-range']?.startsWith(`bytes ${range.start}-${range.end}/`)) return { answer, isPart: true }
      answer.destroy()
      if (range && (status === 206 || status === 416)) {                 // another part, or none: whoever asks takes its own out of the whole
        range = undefined
        continue
      }
      if (!REDIRECTS.includes(status) || location === undefined) throw failed(`${url.host} answered ${status}`)
      const target = URL.parse(location, url)
      if (!target) throw refused('it leads to what is no URL')
      next = target.href
    }
    throw refused(`it leads on more than ${HOPS} times`)
  }

  /** The answer of the first address that gives one. */
  async function firstOf(url: URL, addresses: readonly string[], asked: Asked & { signal: AbortSignal }): Promise<IncomingMessage> {
    let problem: unknown
    for (const address of addresses) {
      try {
        return await ask(url, address, { ...asked, idleMs: options.idleMs })
      } catch (error) {
        asked.signal.throwIfAborted()
        problem = error
      }
    }
    throw failed(`${url.host} gives no answer: ${messageOf(problem)}`, problem)
  }

  return {
    async check(url) {
      try {
        await looked(url, new AbortController().signal)
      } catch (error) {
        if (!isFault(error, 'glance.fetch.failed')) throw error
      }
    },
    get: (url, signal, range) => fetched(url, signal, { method: 'GET', range }),
    async size(url, signal) {
      for (const method of ['HEAD', 'GET'] as const) {
        try {
          const { size, bytes } = await fetched(url, signal, { method })
          for await (const _first of bytes) break                                              // the connection ends with it
          if (size !== undefined) return size
        } catch (error) {
          if (method === 'GET' || !isFault(error, 'glance.fetch.failed')) throw error           // many answer no HEAD
        }
      }
      return undefined
    },
  }

  async function fetched(url: string, signal: AbortSignal, asked: Asked): Promise<Fetched> {
    const late = new AbortController()
    const cancel = clock.after(options.totalMs, () => late.abort(failed(`it was not all there after ${options.totalMs / 1000} s`)))
    const either = AbortSignal.any([signal, late.signal])
    try {
      const { answer, isPart } = await answered(url, either, asked)
      const said = answer.headers['content-length']
      return { isPart, size: said !== undefined && /^\d{1,15}$/.test(said) ? Number(said) : undefined, bytes: endingUnread(reading(answer, either, cancel), () => { cancel(); answer.destroy() }) }
    } catch (error) {
      cancel()
      throw late.signal.aborted ? late.signal.reason : error
    }
  }
}

/** The machine's resolver: all addresses of a name, IPv4 first. */
const systemResolve: Resolve = async host => (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address)

/** One request to one address. Resolves with the head of the answer; the socket ends with it. */
function ask(url: URL, address: string, { idleMs, signal, method, range }: Asked & { idleMs: number, signal: AbortSignal }): Promise<IncomingMessage> {
  const name = plainHost(url.hostname)
  const options: RequestOptions & { servername?: string } = {
    host: address, port: url.port === '' ? url.protocol === 'http:' ? 80 : 443 : Number(url.port), path: url.pathname + url.search, method, agent: false, signal, timeout: idleMs,
    headers: { host: url.host, accept: '*/*', 'accept-encoding': 'identity', connection: 'close', ...(range && { range: `bytes=${range.start}-${range.end}` }) }, servername: isIP(name) ? '' : name,
  }
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === 'https:' ? httpsRequest : httpRequest)(options, resolve)
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${idleMs / 1000} s`)))
    asked.on('error', reject)
    asked.on('upgrade', (_answer, socket) => socket.destroy())                                 // another protocol is no image
    asked.on('close', () => reject(new Error('the connection ended without an answer')))
    asked.end()
  })
}

async function* reading(answer: IncomingMessage, signal: AbortSignal, done: () => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) yield chunk
  } catch (cause) {
    signal.throwIfAborted()
    throw isFault(cause) ? cause : failed(`the answer broke off: ${messageOf(cause)}`, cause)
  } finally {
    done()
    answer.destroy()
  }
}

/** The generator; returning from it before it was read calls `end`, which its own `finally` does not do then. */
function endingUnread(bytes: AsyncGenerator<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  const finish = bytes.return.bind(bytes)
  return Object.assign(bytes, { return: (value: unknown) => { end(); return finish(value) } })
}

function lets(value: string, allowed: readonly string[], disallowed: readonly string[]): boolean {
  return allowed.length > 0 ? allowed.includes(value) : !disallowed.includes(value)
}

/** A host as it is compared: in lower case, without brackets and without the root's dot. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

function refused(why: string): Fault {
  return new Fault('badRequest', 'glance.fetch.refused', `The URL is not fetched: ${why}.`)
}

function failed(why: string, cause?: unknown): Fault {
  return new Fault('badRequest', 'glance.fetch.failed', `The image could not be fetched: ${why}.`, { cause })
}

// A user who gets what she wants from a cloud that fails under her: she says what should be so, looks, asks again when it is not, and never asks twice for
// what she can see. A refused or lost request is nothing to her; a 500 is a fault of the cloud, and is written down.
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@alto/kit/clock'

/** An answer of the cloud. */
export interface Answer { status: number, body: Record<string, unknown>, text: string }

/** How a request ended without an answer. */
class Unanswered extends Error {}

const AGAIN = 4000
const LOOK = 150
/** Milliseconds in which a look must be answered. */
const PATIENCE = 30_000

/** See above. */
export class User {
  /** What the cloud must not answer, with the request. */
  readonly problems: string[] = []
  /** Things that ended in ERROR, with their reasons, and were made anew. */
  readonly errors: string[] = []
  readonly #bases: () => readonly string[]
  readonly #login: { name: string, password: string, project: string }
  #token: string | undefined
  #turn = 0

  /** Speaks to any of `bases`, in turn. */
  constructor(bases: () => readonly string[], login: { name: string, password: string, project: string }) {
    this.#bases = bases
    this.#login = login
  }

  /** One request; a body that is neither bytes nor a stream of them is sent as JSON. Throws when nobody answers. */
  async ask(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    this.#token ??= await this.#logIn()
    const answer = await this.#send(method, path, body, { 'x-auth-token': this.#token, 'openstack-api-version': path.startsWith('/volume') ? 'volume 3.70' : 'compute 2.79', ...headers })
    if (answer.status === 401) this.#token = undefined
    if (answer.status === 500) this.problems.push(`${method} ${path}: 500 ${answer.text.slice(0, 300)}`)
    return answer
  }

  /** A GET that must succeed, sooner or later; throws otherwise, which `ensure` takes for "not yet". */
  async get<T>(path: string, name: string): Promise<T> {
    for (const end = systemClock.now() + PATIENCE; ; await sleep(LOOK)) {
      const answer = await this.ask('GET', path).catch((error: unknown) => { if (!(error instanceof Unanswered)) throw error })
      if (answer?.status === 200) return answer.body[name] as T
      if (systemClock.now() > end) throw new Unanswered(`GET ${path}: ${answer?.status ?? 'no answer'}`)
    }
  }

  /** Looks until `done` gives something other than undefined or false; as long as it does not, acts, and again when nothing has come of it. Fails after `seconds`. */
  async ensure<T>(what: string, done: () => Promise<T | undefined | false>, act?: () => Promise<unknown>, seconds = 180): Promise<T> {
    const end = systemClock.now() + seconds * 1000
    let acted = 0
    let last = 'nothing was seen'
    for (;;) {
      try {
        const found = await done()
        if (found !== undefined && found !== false) return found
        if (act && systemClock.now() - acted > AGAIN) {
          const answer = await act() as Answer | undefined
          acted = systemClock.now()
          if (answer?.status !== undefined && answer.status >= 400) last = `${answer.status} ${answer.text.slice(0, 300)}`
        }
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        last = error.message
      }
      if (systemClock.now() > end) throw new Error(`${what}: not within ${seconds} s; last: ${last}`)
      await sleep(LOOK)
    }
  }

  async #logIn(): Promise<string> {
    const { name, password, project } = this.#login
    const domain = { id: 'default' }
    const answer = await this.#send('POST', '/identity/v3/auth/tokens', {
      auth: { identity: { methods: ['password'], password: { user: { name, domain, password } } }, scope: { project: { name: project, domain } } },
    })
    const token = answer.headers.get('x-subject-token')
    if (token === null) throw new Unanswered(`login: ${answer.status} ${answer.text}`)
    return token
  }

  async #send(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer & { headers: Headers }> {
    const bases = this.#bases()
    const base = bases[this.#turn++ % bases.length]
    if (base === undefined) throw new Unanswered('no controller runs')
    const bytes = body instanceof Uint8Array || body instanceof ReadableStream
    try {
      const response = await fetch(`${base}${path}`, {
        method, headers: { ...headers, ...(body !== undefined && { 'content-type': bytes ? 'application/octet-stream' : 'application/json' }) },
        ...(body !== undefined && { body: bytes ? body as Uint8Array<ArrayBuffer> | ReadableStream : JSON.stringify(body), duplex: 'half' as const }), signal: AbortSignal.timeout(60_000),
      })
      const text = await response.text()
      const json = (response.headers.get('content-type') ?? '').includes('json') && text !== ''
      return { status: response.status, text, body: json ? JSON.parse(text) as Record<string, unknown> : {}, headers: response.headers }
    } catch (error) {
      throw new Unanswered(`${method} ${path}: ${(error as Error).message}`)
    }
  }
}

// A tenant of the simulated cloud: asks with a token of its own, and remembers what the cloud has acknowledged.
import { isFault } from '@alto/kit/errors'
import type { SimulatedSite } from './site.ts'

/** What tenants make. */
export type Kind = 'server' | 'volume' | 'snapshot' | 'image' | 'network' | 'subnet' | 'port' | 'router' | 'floatingip' | 'group' | 'keypair' | 'serverGroup'

/** Where each kind is found, and the key of one in answers. */
export const PLACES: Readonly<Record<Kind, { path: string, key: string }>> = {
  server: { path: '/compute/v2.1/servers', key: 'server' }, keypair: { path: '/compute/v2.1/os-keypairs', key: 'keypair' }, serverGroup: { path: '/compute/v2.1/os-server-groups', key: 'server_group' },
  volume: { path: '/volume/v3/volumes', key: 'volume' }, snapshot: { path: '/volume/v3/snapshots', key: 'snapshot' }, image: { path: '/image/v2/images', key: '' },
  network: { path: '/networking/v2.0/networks', key: 'network' }, subnet: { path: '/networking/v2.0/subnets', key: 'subnet' }, port: { path: '/networking/v2.0/ports', key: 'port' },
  router: { path: '/networking/v2.0/routers', key: 'router' }, floatingip: { path: '/networking/v2.0/floatingips', key: 'floatingip' }, group: { path: '/networking/v2.0/security-groups', key: 'security_group' },
}

/** Any JSON object of an answer, read by tests only where they know its shape. */
export type Json = Readonly<Record<string, unknown>>

/** An answer; status 0 when there was none: the connection broke, or the user gave up. */
export interface Answer { readonly status: number, readonly body: Json }

/**
 * What is known of a thing that was acknowledged: there for sure, gone for sure, or neither (somebody asked for its end, and nobody knows what came of it);
 * how many ask for its end now; and whether it goes with another thing.
 */
interface Known { state: 'there' | 'unclear' | 'gone', ending: number, mayGo?: true }

/** The longest that a request may be without an answer, milliseconds. */
const PATIENCE = 240_000

/** See above. */
export class Tenant {
  readonly name: string
  readonly projectId: string
  readonly #site: SimulatedSite
  readonly #login: { user: string, password: string, project: string }
  #token: string | undefined
  readonly #ledger = new Map<string, Known>()
  readonly #waiting = new Map<number, { what: string, since: number }>()
  #asked = 0

  constructor(site: SimulatedSite, opts: { name: string, password: string, projectId: string }) {
    this.#site = site
    this.name = opts.name
    this.projectId = opts.projectId
    this.#login = { user: opts.name, password: opts.password, project: opts.name }
  }

  /** Requests without an answer for longer than anybody should wait. */
  overdue(): string[] {
    return [...this.#waiting.values()].filter(({ since }) => this.#site.clock.passed - since > PATIENCE).map(({ what }) => `${this.name} waits for an answer to ${what} since ${PATIENCE / 1000} s`)
  }

  /** Asks, and gives up after `patience` milliseconds when that is given. A 5xx that is not 503 breaks the run, and so does any while the cloud is calm. */
  async ask(method: string, path: string, body?: unknown, opts: { version?: string, patience?: number, login?: boolean } = {}): Promise<Answer> {
    if (this.#token === undefined && opts.login !== false) await this.#logIn()
    const { clock, trace } = this.#site
    const number = ++this.#asked
    const what = `${method} ${path}`
    const requestId = `${this.name}#${number}`
    const given = new AbortController()
    const cancel = opts.patience === undefined ? () => {} : clock.after(opts.patience, () => given.abort(new Error('the user gave up')))
    this.#waiting.set(number, { what, since: clock.passed })
    try {
      trace.add(`${requestId} ${what}`, body instanceof Uint8Array ? '' : JSON.stringify(body) ?? '')
      const asking = this.#site.fetch({
        method, url: path, signal: given.signal, body: body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body),
        headers: {
          ...(this.#token !== undefined && { 'x-auth-token': this.#token }), ...(opts.version !== undefined && { 'openstack-api-version': opts.version }),
          ...(body !== undefined && { 'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json' }),
        },
      })
      const response = await asking
      const text = await response.text()
      trace.add(`${requestId} answered ${response.status}`, text)
      const answer = { status: response.status, body: (text === '' || !(response.headers['content-type'] ?? '').includes('json') ? {} : JSON.parse(text)) as Json }
      if (response.headers['x-subject-token'] !== undefined) this.#token = response.headers['x-subject-token']
      if (answer.status >= 500 && (answer.status !== 503 || this.#site.isCalm)) this.#site.broken.push(`${this.name}: ${what} was answered ${answer.status}: ${text.slice(0, 300)}`)
      if (answer.status === 401 && opts.login !== false) {
        this.#token = undefined
        return this.ask(method, path, body, opts)
      }
      return answer
    } catch (error) {
      if (!isFault(error, 'http.unreachable') && !given.signal.aborted) throw error
      trace.add(`${requestId} has no answer`)
      return { status: 0, body: {} }
    } finally {
      cancel()
      this.#waiting.delete(number)
    }
  }

  async #logIn(): Promise<void> {
    const { user: name, password, project } = this.#login
    const domain = { id: 'default' }
    await this.ask('POST', '/identity/v3/auth/tokens', { auth: { identity: { methods: ['password'], password: { user: { name, domain, password } } }, scope: { project: { name: project, domain } } } }, { login: false })
  }

  /** All of a list. Throws when there is no answer, or another than 200. */
  async list(path: string, key: string): Promise<Json[]> {
    const { status, body } = await this.ask('GET', path)
    if (status !== 200) throw new Error(`${this.name}: GET ${path} was answered ${status}`)
    return body[key] as Json[]
  }

  /** Makes a thing; its id when the cloud acknowledged it. */
  async make(kind: Kind, body: Json, opts: { version?: string, patience?: number } = {}): Promise<string | undefined> {
    const { path, key } = PLACES[kind]
    const { status, body: answer } = await this.ask('POST', path, key === '' ? body : { [key]: body }, opts)
    if (status >= 300 || status === 0) return undefined
    const made = (key === '' ? answer : answer[key]) as { id?: string, name?: string }
    const id = kind === 'keypair' ? made.name : made.id
    if (id !== undefined) this.noteThere(kind, id)
    return id
  }

  /** Takes a thing away; the status. */
  async take(kind: Kind, id: string, opts: { patience?: number } = {}): Promise<number> {
    const known = this.#ledger.get(`${kind} ${id}`) ?? { state: 'unclear', ending: 0 }
    this.#ledger.set(`${kind} ${id}`, known)
    known.ending++
    if (kind === 'network') for (const subnet of this.has('subnet')) this.noteMayGo('subnet', subnet)
    const { status } = await this.ask('DELETE', `${PLACES[kind].path}/${id}`, undefined, opts)
    known.ending--
    if (status === 404 && known.state === 'there' && !known.mayGo && known.ending === 0) this.#site.broken.push(`${this.name}: ${kind} ${id} was acknowledged, nobody asked for its end, and it is not there`)
    if (status === 404 || (status >= 200 && status < 300)) known.state = 'gone'
    else if (status === 0 || status >= 500) known.state = known.state === 'gone' ? 'gone' : 'unclear'
    return status
  }

  /** The thing is there: it was acknowledged, or seen in a list. */
  noteThere(kind: Kind, id: string): void {
    if (!this.#ledger.has(`${kind} ${id}`)) this.#ledger.set(`${kind} ${id}`, { state: 'there', ending: 0 })
  }

  /** The thing may go with another one. */
  noteMayGo(kind: Kind, id: string): void {
    const known = this.#ledger.get(`${kind} ${id}`)
    if (known) known.mayGo = true
  }

  /** What it believes to have of a kind. */
  has(kind: Kind): string[] {
    return [...this.#ledger].filter(([key, { state }]) => state !== 'gone' && key.startsWith(`${kind} `)).map(([key]) => key.slice(kind.length + 1))
  }

  /** One of what it believes to have. */
  one(kind: Kind): string | undefined {
    const all = this.has(kind)
    return all.length === 0 ? undefined : all[this.#site.chance.below(all.length)]
  }

  /** Compares what is there with what was acknowledged, a sentence for each difference; then forgets what is gone. */
  compare(kind: Kind, there: ReadonlySet<string>): string[] {
    const wrong: string[] = []
    for (const [key, known] of this.#ledger) {
      if (!key.startsWith(`${kind} `)) continue
      const id = key.slice(kind.length + 1)
      if (known.state === 'there' && !known.mayGo && !there.has(id)) wrong.push(`${this.name}: ${kind} ${id} was acknowledged, nobody asked for its end, and it is not there`)
      if (known.state === 'gone' && there.has(id)) wrong.push(`${this.name}: the end of ${kind} ${id} was acknowledged, and it is there`)
    }
    return wrong
  }

  /** After a comparison that found nothing: what is there is known, what is not is forgotten. What was only seen may belong to something else. */
  learn(kind: Kind, there: ReadonlySet<string>): void {
    for (const key of this.#ledger.keys()) if (key.startsWith(`${kind} `) && !there.has(key.slice(kind.length + 1))) this.#ledger.delete(key)
    for (const id of there) this.#ledger.set(`${kind} ${id}`, { ...(this.#ledger.get(`${kind} ${id}`) ?? { mayGo: true }), state: 'there', ending: 0 })
  }
}

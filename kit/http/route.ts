// One operation as data: method, path, rule, versions, schemas, status, handler. Router, coverage and sweeps are derived from it.
import type { Rule } from '../policy/index.ts'
import type { Context } from '../context/index.ts'
import type { Version } from './microversion.ts'
import type { Schema, Static } from './schema.ts'

/**
 * Who may call: a policy rule that the manager asks (the pipeline refuses to answer when it was not asked),
 * or why nobody is asked at all (`public`), or only for a valid token (`anybody`).
 */
export type RouteRule = Rule | { public: string } | { anybody: string }

/** A body schema for each range of microversions, the oldest first. */
export interface Versioned<S extends Schema = Schema> {
  versions: readonly { since: Version, schema: S }[]
}

/** Schemas by the microversion from which each holds; the handler sees the type of the newest. */
export function versioned<S extends Schema>(newest: { since: Version, schema: S }, ...older: { since: Version, schema: Schema }[]): Versioned<S> {
  return { versions: [...older, newest].toSorted((a, b) => a.since[0] - b.since[0] || a.since[1] - b.since[1]) as unknown as Versioned<S>['versions'] }
}

/** What a handler is given. */
export interface Call<P, Q, B> {
  ctx: Context
  params: P
  query: Q
  /** The checked JSON body; undefined when the route has none. */
  body: B
  /** The raw body, for routes with `body: 'stream'`: a piece may be used until the next is asked for. It fails when its sender does. */
  stream: AsyncIterable<Uint8Array>
  headers: Readonly<Record<string, string | undefined>>
  version: Version
  /** Path and query as the client sent them, without the service's prefix. */
  url: URL
  /** Aborts when the caller goes away. */
  signal: AbortSignal
}

/** An answer with more than a JSON body of the declared status. */
export class Answer {
  readonly body: unknown
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(body: unknown, opts: { status?: number | undefined, headers?: Readonly<Record<string, string>> }) {
    this.body = body
    this.status = opts.status
    this.headers = opts.headers ?? {}
  }
}

/** An answer with headers or another status; `body` is JSON, text, bytes or a stream. */
export function answer(body: unknown, opts: { status?: number | undefined, headers?: Readonly<Record<string, string>> } = {}): Answer {
  return new Answer(body, opts)
}

interface RouteSpec<P extends Schema, Q extends Schema, B extends Schema> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'
  /** Upstream's path, with `{name}` for parameters. */
  path: string
  rule: RouteRule
  /** The actions it takes, where the body's one key chooses: `os-start`. */
  actions?: readonly string[]
  /** The rules of its actions: one of them is asked in place of `rule`. */
  actionRules?: readonly Rule[]
  /** The documented success status. */
  status: number
  summary: string
  since?: Version
  /** The last version that has it. */
  until?: Version
  params?: P
  query?: Q
  /** `stream`: the handler reads the raw body itself. */
  body?: B | Versioned<B> | 'stream'
  /** The GET is an upgrade to a websocket with one of these subprotocols, and `handle` gives `websocketTo(stream)`. Pages of foreign origins are refused. */
  websocket?: { protocols: readonly string[] }
  /** Parameters of the path whose values are secrets: logs do not show them. */
  secrets?: readonly string[]
  /** Media types besides application/json that the body may have; for streams all that it may have. */
  accepts?: readonly string[]
  handle(call: Call<Static<P>, Static<Q>, Static<B>>): Promise<unknown>
}

/** A route of any types, as tables hold it. */
export interface AnyRoute extends Omit<RouteSpec<Schema, Schema, Schema>, 'handle'> {
  handle(call: Call<never, never, never>): Promise<unknown>
}

/** Declares an operation. */
export function route<P extends Schema, Q extends Schema, B extends Schema>(spec: RouteSpec<P, Q, B>): AnyRoute {
  return spec as unknown as AnyRoute
}

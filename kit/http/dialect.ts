// A service's way of saying no: the only place where a Fault becomes a status and a body.
import type { Fault } from '../errors/index.ts'

/** Something in a request that its schema does not allow. */
export interface Problem {
  where: 'body' | 'query' | 'path'
  /** Steps to the value: `['server', 'name']`; empty for the whole. */
  path: readonly string[]
  /** What stands there; undefined when it is missing. */
  value: unknown
  /** The schema's keyword: `required`, `maxLength`, `type`, … */
  keyword: string
  /** A sentence about the value, in English, without its path. */
  message: string
  params: Readonly<Record<string, unknown>>
}

/** How a service words its refusals, as its upstream does. */
export interface Dialect {
  /** Status, headers and body of a fault; `unexpected` is true for a bug, whose message is then already a general one. */
  render(fault: Fault, about: { requestId: string, unexpected: boolean }): { status: number, headers?: Readonly<Record<string, string>>, body: unknown }
  /** The fault for what a schema refused. */
  invalid(problem: Problem): Fault
  /** The fault for a policy rule that said no. */
  forbidden(rule: string): Fault
  /** The fault for a path that no route has. */
  noRoute?(path: string): Fault
}

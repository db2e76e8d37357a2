// What every answer of Keystone has in common: links to itself, lists with their links, names of its own members.
import type { Context } from '@alto/kit/context'
import { t } from '@alto/kit/http'
import { invalid } from '../model/faults.ts'

/** `links` of one thing. */
export function self(ctx: Context, path: string): { self: string } {
  return { self: `${ctx.baseUrl}/v3/${path}` }
}

/** The header in which users with rules of several proofs show a passcode anew. */
export const PASSCODE = 'openstack-mfa-passcode'

/** A list's body under `name`. */
export function listOf(ctx: Context, name: string, path: string, items: readonly unknown[]) {
  return { [name]: items, links: { self: `${ctx.baseUrl}/v3/${path}`, previous: null, next: null } }
}

/** What stands in a body besides the named members: Keystone keeps it. */
export function extraOf(body: Readonly<Record<string, unknown>>, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([key]) => !known.includes(key) && key !== 'id' && key !== 'links'))
}

/** The members of a change; throws when there are none, or an `id` that is not the one in the path. */
export function changesOf<B extends object>(noun: string, body: B, id: string): B {
  if (Object.keys(body).length === 0) throw invalid('invalid', `Invalid input for field/attribute ${noun}. Value: {}. {} should be non-empty`)
  return sameId(body, id)
}

/** The body; throws when it holds an `id` that is not the one in the path. */
export function sameId<B extends object>(body: B, id: string): B {
  if ('id' in body && body.id !== undefined && body.id !== id) throw invalid('id', 'Cannot change ID')
  return body
}

/** `enabled=true` in a query: present without a value counts as true, as upstream. */
export function flag(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : !['false', '0', 'False', 'no'].includes(value)
}

export const name = t.string({ min: 1, max: 255, pattern: '\\S' })
/** Of projects, domains and groups. */
export const shortName = t.string({ min: 1, max: 64, pattern: '\\S' })
export const description = t.string({ max: 65_535 })
export const options = t.map(t.anything(), { max: 30 })
export const byId = t.object({ id: t.id() })

// Pieces that several of Nova's routes share: parameters, links, pages, times.
import type { Context } from '@alto/kit/context'
import { atLeast, t, type Version } from '@alto/kit/http'
import { linkWith } from '@alto/kit/openstack'
import { invalid } from '../model/faults.ts'

export const serverId = t.object({ server_id: t.id() })

/** Names: upstream allows 255 printable characters, without blanks at the ends (which older versions cut off). */
export const name = t.string({ min: 1, max: 255, pattern: '^(?! *$).+$' })
export const metadata = t.map(t.string({ max: 255 }), { max: 1000, keyPattern: '^[a-zA-Z0-9-_:. ]{1,255}$' })
/** Tags: up to 60 characters, without slashes and commas. */
export const tag = t.string({ min: 1, max: 60, pattern: '^[^,/]*$' })

/** The links of a thing: its own, and the bookmark without a version. */
export function links(ctx: Context, noun: string, id: string | number) {
  return [{ rel: 'self', href: `${ctx.baseUrl}/v2.1/${noun}/${id}` }, bookmark(ctx, noun, id)]
}

/** The link to a thing without a version. */
export function bookmark(ctx: Context, noun: string, id: string | number) {
  return { rel: 'bookmark', href: `${ctx.baseUrl}/${noun}/${id}` }
}

/** `{ x_links: [next] }` when more follows, else nothing. */
export function nextLink(ctx: Context, key: string, url: URL, page: { more: boolean, marker: string | undefined }): Record<string, unknown> {
  if (!page.more || page.marker === undefined) return {}
  return { [key]: [{ rel: 'next', href: linkWith(`${ctx.baseUrl}${url.pathname}`, url, { marker: page.marker }) }] }
}

/** ISO 8601 with Z, or null. */
export function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** `2026-01-31T12:00:00.000000`, as instance times are shown. */
export function naive(ms: number | null): string | null {
  return ms === null ? null : `${new Date(ms).toISOString().slice(0, -1)}000`
}

/** The milliseconds that a query parameter names. Throws Fault badRequest. */
export function timeIn(text: string | undefined, parameter: string): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(/Z|[+-]\d{2}:?\d{2}$/.test(text) || !text.includes('T') ? text : `${text}Z`) : NaN
  if (Number.isNaN(ms)) throw invalid('time', `Invalid input for query parameters ${parameter}. Value: ${text}. '${text}' is not a 'date-time'`)
  return ms
}

/** The last of a parameter's values, however often it was given. */
export function single(value: string | readonly string[] | undefined): string | undefined {
  return Array.isArray(value) ? (value as readonly string[]).at(-1) : value as string | undefined
}

/** A word as a boolean; undefined when it was not given. Throws Fault badRequest for other words. */
export function flag(value: string | undefined, parameter: string): boolean | undefined {
  if (value === undefined) return undefined
  if (['1', 't', 'true', 'on', 'y', 'yes', ''].includes(value.toLowerCase())) return true
  if (['0', 'f', 'false', 'off', 'n', 'no'].includes(value.toLowerCase())) return false
  throw invalid('flag', `Invalid input for query parameter ${parameter}. Value: ${value}. It must be a boolean.`)
}

export { atLeast, type Version }

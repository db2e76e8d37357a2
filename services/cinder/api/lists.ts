// What Cinder's lists and views have in common: pages, filters, links, times.
import type { Context } from '@alto/kit/context'
import { atLeast, t, type Version } from '@alto/kit/http'
import { linkWith, pageLimit, sortKeys } from '@alto/kit/openstack'

export const byId = t.object({ id: t.id() })
export const byKey = t.object({ id: t.id(), key: t.string({ min: 1 }) })
export const name = t.optional(t.nullable(t.string()))
export const metadata = t.map(t.string(), { max: 128 })
export const metadataBody = t.open({ metadata })
export const metaBody = t.open({ meta: metadata })

/** A time as Cinder writes it, `2026-01-31T12:00:00.000000`; null for none. */
export function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace('Z', '000')
}

/** Links to a thing: `volumes/ID`. */
export function linksTo(ctx: Context, path: string) {
  const project = ctx.credentials.projectId === undefined ? '' : `/${ctx.credentials.projectId}`
  return [{ rel: 'self', href: `${ctx.baseUrl}/v3${project}/${path}` }, { rel: 'bookmark', href: `${ctx.baseUrl}${project}/${path}` }]
}

/** Page, order and scope in a query. Faults badRequest for values that make no sense. */
export function pageOf(query: URLSearchParams, columns: Readonly<Record<string, string>>, max: number, version: Version) {
  const one = (key: string) => query.get(key) ?? undefined
  return {
    limit: pageLimit(one('limit'), max), offset: pageLimit(one('offset') ?? '0', Number.MAX_SAFE_INTEGER), marker: one('marker'),
    sort: sortKeys({ sort: one('sort'), sort_key: one('sort_key'), sort_dir: one('sort_dir') }, columns, [{ column: 'created_at', direction: 'desc' }]),
    allTenants: t.asBoolean(one('all_tenants') ?? 'false'), withCount: atLeast(version, 3, 45) && t.asBoolean(one('with_count') ?? 'false'),
  }
}

/** The link to the page after `last`, when there is one: `{ volumes_links: [...] }`. */
export function nextLink(ctx: Context, url: URL, noun: string, page: { more: boolean, last: string | undefined }) {
  if (!page.more || page.last === undefined) return {}
  return { [`${noun}_links`]: [{ rel: 'next', href: linkWith(`${ctx.baseUrl}${url.pathname}`, url, { marker: page.last, offset: undefined }) }] }
}

/** `{'a': 'b'}` or `{"a": "b"}` in a query, as Cinder's clients write metadata. Undefined when it is neither. */
export function metadataIn(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(text.replaceAll(/'((?:[^'"\\])*)'/g, '"$1"'))
    return typeof parsed === 'object' && parsed !== null ? Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)])) : undefined
  } catch {
    return undefined
  }
}

// What Placement's answers have in common: links, cache headers by microversion.
import type { Context } from '@alto/kit/context'
import { answer, atLeast, t, type Version } from '@alto/kit/http'
import { CUSTOM_PATTERN } from '../model/traits.ts'

/** Schemas that several routes share. */
export const byUuid = t.object({ uuid: t.uuid() })
export const amounts = t.map(t.integer({ min: 1 }), { max: 100 })
export const customName = t.string({ max: 255, pattern: CUSTOM_PATTERN })

/** The path under which clients reach `below`: `/placement/resource_providers`. */
export function pathTo(ctx: Context, below: string): string {
  return `${new URL(ctx.baseUrl).pathname.replace(/\/$/, '')}/${below}`
}

/** The body, from 1.15 with the headers that keep caches from lying; `updatedAt` in milliseconds, where there is such a time. */
export function fresh(version: Version, body: unknown, updatedAt: number | undefined, opts: { status?: number, headers?: Readonly<Record<string, string>> } = {}) {
  const headers = atLeast(version, 1, 15) ? { 'cache-control': 'no-cache', ...(updatedAt !== undefined && { 'last-modified': new Date(updatedAt).toUTCString() }) } : {}
  return answer(body, { status: opts.status, headers: { ...headers, ...opts.headers } })
}

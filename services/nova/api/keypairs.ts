// /os-keypairs.
import { answer, route, t, versioned, type AnyRoute } from '@alto/kit/http'
import { pageLimit } from '@alto/kit/openstack'
import type { KeypairManager } from '../manager/keypairs.ts'
import { invalid } from '../model/faults.ts'
import type { Keypair } from '../model/keypairs.ts'
import * as rules from '../policy/keypairs.ts'
import { atLeast, naive, nextLink, single, type Version } from './parts.ts'

const byName = t.object({ keypair_name: t.id() })

function createBody(minor: number) {
  const pattern = minor >= 92 ? '^[a-zA-Z0-9@._ -]+$' : '^[a-zA-Z0-9_ -]+$'
  const key = t.string({ min: 1, max: 16_384 })
  return {
    since: [2, minor] as const,
    schema: t.object({ keypair: t.object({
      name: t.string({ min: 1, pattern }), public_key: minor >= 92 ? key : t.optional(t.nullable(key)), ...(minor >= 2 && { type: t.optional(t.oneOf('ssh', 'x509')) }), ...(minor >= 10 && { user_id: t.optional(t.string({ min: 1 })) }),
    }) }),
  }
}

/** Routes of key pairs. */
export function keypairRoutes(keypairs: KeypairManager): AnyRoute[] {
  /** Whose key pair: another user's from 2.10 on. */
  const owner = (url: URL, version: Version) => atLeast(version, 2, 10) ? single(url.searchParams.getAll('user_id')) : undefined
  return [
    route({
      method: 'GET', path: '/v2.1/os-keypairs', rule: rules.INDEX, status: 200, summary: 'List Keypairs', query: t.open({}),
      async handle({ ctx, url, version }) {
        const pages = atLeast(version, 2, 35)
        const { rows, more } = await keypairs.list(ctx, { userId: owner(url, version), limit: pages ? pageLimit(url.searchParams.get('limit') ?? undefined) : 1000, marker: pages ? url.searchParams.get('marker') ?? undefined : undefined })
        return { keypairs: rows.map(one => ({ keypair: brief(one, version) })), ...(pages && nextLink(ctx, 'keypairs_links', url, { more, marker: rows.at(-1)?.name })) }
      },
    }),
    route({
      method: 'POST', path: '/v2.1/os-keypairs', rule: rules.CREATE, status: 200, summary: 'Import (or create) Keypair', body: versioned(createBody(92), createBody(10), createBody(2), createBody(1)),
      async handle({ ctx, body, version }) {
        const asked = (body as { keypair: { name: string, public_key?: string | null, type?: 'ssh' | 'x509', user_id?: string } }).keypair
        if (asked.name !== asked.name.trim()) throw invalid('keypair.name', 'Keypair name must not begin or end with blanks.')
        const { keypair, privateKey } = await keypairs.create(ctx, { name: asked.name, type: asked.type ?? 'ssh', publicKey: asked.public_key ?? undefined, userId: asked.user_id })
        return answer({ keypair: { ...brief(keypair, version), user_id: keypair.userId, ...(privateKey !== undefined && { private_key: privateKey }) } }, { status: atLeast(version, 2, 2) ? 201 : 200 })
      },
    }),
    route({
      method: 'GET', path: '/v2.1/os-keypairs/{keypair_name}', rule: rules.SHOW, status: 200, summary: 'Show Keypair Details', params: byName, query: t.open({}),
      handle: async ({ ctx, params, url, version }) => ({ keypair: full(await keypairs.show(ctx, params.keypair_name, owner(url, version)), version) }),
    }),
    route({
      method: 'DELETE', path: '/v2.1/os-keypairs/{keypair_name}', rule: rules.DELETE, status: 202, summary: 'Delete Keypair', params: byName, query: t.open({}),
      async handle({ ctx, params, url, version }) {
        await keypairs.remove(ctx, params.keypair_name, owner(url, version))
        return answer(undefined, { status: atLeast(version, 2, 2) ? 204 : 202 })
      },
    }),
  ]
}

function brief(one: Keypair, version: Version) {
  return { name: one.name, public_key: one.publicKey, fingerprint: one.fingerprint, ...(atLeast(version, 2, 2) && { type: one.type }) }
}

function full(one: Keypair, version: Version) {
  return { ...brief(one, version), user_id: one.userId, deleted: false, created_at: naive(one.createdAt), deleted_at: null, updated_at: null, id: one.id }
}

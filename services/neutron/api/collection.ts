// The five operations that most of Neutron's resources have, from one declaration: list, create (one or many), show, change, delete.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { Rule } from '@alto/kit/policy'
import type { Listing, Page } from '../manager/access.ts'
import { parseCreate, parseUpdate, type Attribute, type Parsed } from '../model/attributes.ts'
import { neutronFault } from '../model/faults.ts'
import { listQuery, pageLinks, pick } from './queries.ts'

type Attributes = Readonly<Record<string, Attribute<unknown>>>
type View = Readonly<Record<string, unknown>>

/** The use cases of a resource. */
export interface Manager<T, S extends Attributes> {
  list(ctx: Context, request: Listing): Promise<Page<T>>
  show(ctx: Context, id: string): Promise<T>
  create(ctx: Context, said: readonly Parsed<S>[]): Promise<readonly T[]>
  update?(ctx: Context, id: string, said: Parsed<S>): Promise<T>
  remove(ctx: Context, id: string): Promise<void>
}

/** A resource and its operations. */
export interface Collection<T extends { readonly id: string }, S extends Attributes> {
  /** `network`, `networks` in bodies; `path` when it differs from the plural (`security-groups`). */
  readonly singular: string
  readonly plural: string
  readonly path?: string
  readonly words: string
  readonly rules: { readonly list: Rule, readonly create: Rule, readonly update?: Rule, readonly remove: Rule }
  readonly attributes: S
  readonly manager: Manager<T, S>
  readonly view: (ctx: Context, resource: T) => View
}

const MOST_AT_ONCE = 500
const byId = t.object({ id: t.string({ min: 1, pattern: '^[^\\u0000]*$' }) })
const document = t.map(t.anything(), { max: 200 })

/** The routes of a resource. */
export function collectionRoutes<T extends { readonly id: string }, S extends Attributes>(c: Collection<T, S>): AnyRoute[] {
  const path = `/v2.0/${c.path ?? c.plural}`
  const { manager, rules } = c
  return [
    route({
      method: 'GET', path, rule: rules.list, status: 200, summary: `List ${c.words}s`,
      async handle({ ctx, url }) {
        const query = listQuery(url)
        const page = await manager.list(ctx, query.listing)
        const items = query.reverse ? page.items.toReversed() : page.items
        const links = pageLinks(ctx, url, query, items.map(item => item.id), page.more)
        return { [c.plural]: items.map(item => pick(c.view(ctx, item), query.fields)), ...(links && { [`${c.plural}_links`]: links }) }
      },
    }),
    route({
      method: 'POST', path, rule: rules.create, status: 201, summary: `Create ${c.words}, or several`, body: document,
      async handle({ ctx, body }) {
        const many = Object.hasOwn(body, c.plural)
        const bodies = many ? listIn(body, c.plural) : [memberOf(body, c.singular)]
        const made = await manager.create(ctx, bodies.map(one => parseCreate(c.attributes, one)))
        const views = made.map(one => c.view(ctx, one))
        return many ? { [c.plural]: views } : { [c.singular]: views[0] }
      },
    }),
    route({
      method: 'GET', path: `${path}/{id}`, rule: rules.list, status: 200, summary: `Show ${c.words}`, params: byId,
      handle: async ({ ctx, params, url }) => ({ [c.singular]: pick(c.view(ctx, await manager.show(ctx, params.id)), listQuery(url).fields) }),
    }),
    ...(rules.update && manager.update ? [route({
      method: 'PUT', path: `${path}/{id}`, rule: rules.update, status: 200, summary: `Update ${c.words}`, params: byId, body: document,
      async handle({ ctx, params, body, headers }) {
        await checkRevision(ctx, manager, params.id, headers['if-match'])
        return { [c.singular]: c.view(ctx, await manager.update!(ctx, params.id, parseUpdate(c.attributes, memberOf(body, c.singular)))) }
      },
    })] : []),
    route({
      method: 'DELETE', path: `${path}/{id}`, rule: rules.remove, status: 204, summary: `Delete ${c.words}`, params: byId,
      async handle({ ctx, params, headers }) {
        await checkRevision(ctx, manager, params.id, headers['if-match'])
        await manager.remove(ctx, params.id)
      },
    }),
  ]
}

/** The object under `name`. Throws Fault('badRequest', 'neutron.HTTPBadRequest'). */
export function memberOf(body: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const member = Object.hasOwn(body, name) ? body[name] : undefined
  if (typeof member !== 'object' || member === null || Array.isArray(member)) throw bad(`Unable to find '${name}' in request body`)
  return member as Readonly<Record<string, unknown>>
}

function listIn(body: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>>[] {
  const list = body[name]
  if (!Array.isArray(list) || list.length === 0) throw bad('Resources required')
  if (list.length > MOST_AT_ONCE) throw bad(`${MOST_AT_ONCE} resources at once are the most`)
  return list.map(one => memberOf({ one }, 'one'))
}

/** `If-Match: revision_number=N` holds a change back unless the resource stands at N. */
async function checkRevision(ctx: Context, manager: Pick<Manager<unknown, never>, 'show'>, id: string, condition: string | undefined): Promise<void> {
  if (condition === undefined) return
  const wanted = /^"?revision_number=(\d{1,15})"?$/.exec(condition.trim())?.[1]
  if (wanted === undefined) throw bad('Invalid value for If-Match header. It may be revision_number=N')
  const { revision } = await manager.show(ctx, id) as { revision: number }
  if (revision !== Number(wanted)) throw neutronFault('preconditionFailed', 'RevisionNumberConstraintFailed', `Constrained to ${wanted}, but current revision is ${revision}`)
}

function bad(message: string): Fault {
  return new Fault('badRequest', 'neutron.HTTPBadRequest', message)
}

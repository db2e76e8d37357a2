// Endpoints, and the catalog made of them.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { TokenBody } from '@alto/kit/openstack'
import { givenTo, isUsableUrl, resolvedUrl, type Endpoint, type UrlFacts } from '../../model/catalog/catalog.ts'
import { conflict, expected, invalid, notFound } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import * as auth from '../../policy/tokens/tokens.ts'
import * as rules from '../../policy/catalog/endpoints.ts'
import * as filters from '../../store/catalog/endpoint-filters.ts'
import * as endpoints from '../../store/catalog/endpoints.ts'
import * as regions from '../../store/catalog/regions.ts'
import * as services from '../../store/catalog/services.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of an endpoint. `region` is the old way to say `regionId`: a region that nobody made is made. */
export interface EndpointInput {
  region?: string | null | undefined
  serviceId?: string | undefined
  interface?: Endpoint['interface'] | undefined
  regionId?: string | null | undefined
  url?: string | undefined
  enabled?: boolean | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

export type Catalog = NonNullable<TokenBody['catalog']>
export type EndpointManager = ReturnType<typeof endpointManager>

/** The use cases of endpoints. */
export function endpointManager({ db, ids, options, changed }: Deps) {
  async function checked(tx: Tx, endpoint: Endpoint, input: EndpointInput): Promise<void> {
    if (input.url !== undefined && !isUsableUrl(input.url)) throw invalid('endpoint.url', `Cannot create an endpoint with an invalid URL: ${input.url}.`)
    if (typeof input.region === 'string' && endpoint.regionId === input.region && !await regions.find(tx, input.region)) await regions.insert(tx, { id: input.region, description: '', parentId: null, extra: {} })
    if (!await services.find(tx, endpoint.serviceId)) throw expected('endpoint service_id', 'service table')
    if (endpoint.regionId !== null && !await regions.find(tx, endpoint.regionId)) throw expected('endpoint region_id', 'region table')
  }

  return {
    async show(ctx: Context, id: string): Promise<Endpoint> {
      ctx.authorize(rules.GET_ENDPOINT, {})
      const endpoint = await db.read(tx => endpoints.find(tx, id))
      if (!endpoint) throw notFound('endpoint', id)
      return endpoint
    },

    async list(ctx: Context, listing: Listing<endpoints.EndpointField>): Promise<Listed<Endpoint>> {
      ctx.authorize(rules.LIST_ENDPOINTS, {})
      return db.read(tx => endpoints.listPage(tx, bounded(listing, options)))
    },

    async create(ctx: Context, input: EndpointInput & { serviceId: string, interface: Endpoint['interface'], url: string }): Promise<Endpoint> {
      ctx.authorize(rules.CREATE_ENDPOINT, {})
      const endpoint: Endpoint = {
        id: ids.hex(), serviceId: input.serviceId, interface: input.interface, regionId: input.regionId ?? input.region ?? null, url: input.url, enabled: input.enabled ?? true, extra: input.extra ?? {},
      }
      await storing(() => db.write(async tx => {
        await changed(tx)
        await checked(tx, endpoint, input)
        await endpoints.insert(tx, endpoint)
      }))
      return endpoint
    },

    async update(ctx: Context, id: string, input: EndpointInput): Promise<Endpoint> {
      ctx.authorize(rules.UPDATE_ENDPOINT, {})
      return storing(() => db.write(async tx => {
        await changed(tx)
        const endpoint = await endpoints.find(tx, id)
        if (!endpoint) throw notFound('endpoint', id)
        const next: Endpoint = {
          ...endpoint, serviceId: input.serviceId ?? endpoint.serviceId, interface: input.interface ?? endpoint.interface, url: input.url ?? endpoint.url,
          regionId: input.regionId ?? input.region ?? (input.regionId === null || input.region === null ? null : endpoint.regionId), enabled: input.enabled ?? endpoint.enabled, extra: { ...endpoint.extra, ...input.extra },
        }
        await checked(tx, next, input)
        await endpoints.update(tx, next)
        return next
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_ENDPOINT, {})
      await db.write(async tx => {
        await changed(tx)
        if (!await endpoints.find(tx, id)) throw notFound('endpoint', id)
        await endpoints.remove(tx, id)
      })
    },

    /** The catalog as the caller sees it, for `GET /v3/auth/catalog`. */
    async showCatalog(ctx: Context, base: string): Promise<Catalog> {
      ctx.authorize(auth.GET_AUTH_CATALOG, {})
      return this.catalog({ base, userId: ctx.credentials.userId, projectId: ctx.credentials.projectId })
    },

    /**
     * The enabled endpoints of the enabled services, for a token of that user and project; a project that was given endpoints sees those alone, and
     * no service without any. Whoever was given none sees all, or nothing where the cloud is configured so.
     */
    async catalog(facts: UrlFacts): Promise<Catalog> {
      const [all, each, given] = await db.read(async tx => [await services.list(tx), await endpoints.list(tx), facts.projectId === undefined ? undefined : await filters.ofProject(tx, facts.projectId)] as const)
      const chosen = given ? givenTo(given, each) : []
      if (chosen.length === 0 && !options.returnAllEndpointsIfNoFilter) return []
      const grouped = Map.groupBy((chosen.length ? chosen : each).filter(e => e.enabled), e => e.serviceId)
      return all.filter(service => service.enabled).map(service => ({
        id: service.id, type: service.type, name: service.name,
        endpoints: (grouped.get(service.id) ?? []).flatMap(e => {
          const url = resolvedUrl(e.url, facts)
          return url === undefined ? [] : [{ id: e.id, interface: e.interface, region: e.regionId, region_id: e.regionId, url }]
        }),
      })).filter(service => chosen.length === 0 || service.endpoints.length > 0)
    },
  }
}

function storing<T>(work: () => Promise<T>): Promise<T> {
  return orFault({
    unique: cause => conflict('region', 'somebody else made it meanwhile', cause), reference: () => invalid('endpoint.reference', 'The endpoint names a service or region that does not exist.'),
  }, work)
}

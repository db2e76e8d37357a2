// /flavors: sizes of servers, their extra specs, and who may use those that are not public.
import { route, t, versioned, type AnyRoute } from '@alto/kit/http'
import type { Context } from '@alto/kit/context'
import { pageLimit, sortKeys } from '@alto/kit/openstack'
import type { FlavorManager } from '../manager/flavors.ts'
import { invalid, notFound } from '../model/faults.ts'
import type { Flavor } from '../model/flavors.ts'
import * as specRules from '../policy/flavor-specs.ts'
import * as rules from '../policy/flavors.ts'
import { atLeast, links, nextLink, type Version } from './parts.ts'

/** Upstream asks no rule about listing flavors: whoever has a token may; the manager leaves out those that a project may not use. */
const ANYBODY = { anybody: 'flavors are for everybody; those that a project may not use are left out' } as const
const byId = t.object({ flavor_id: t.id() })
const oneSpec = t.object({ flavor_id: t.id(), key: t.id() })
const specs = t.map(t.union(t.string({ max: 255 }), t.number(), t.boolean()), { max: 128 })
const COLUMNS: Readonly<Record<string, string>> = {
  flavorid: 'id', id: 'id', name: 'name', memory_mb: 'ram', root_gb: 'disk', vcpus: 'vcpus', swap: 'swap', ephemeral_gb: 'ephemeral', rxtx_factor: 'rxtx_factor', is_public: 'is_public', disabled: 'disabled', created_at: 'created_at', updated_at: 'created_at', vcpu_weight: 'id',
}

function createBody(minor: number) {
  const size = (min: number) => t.union(t.integer({ min, max: 0x7FFFFFFF }), t.string({ pattern: '^[0-9]{1,10}$' }))
  return {
    since: [2, minor] as const,
    schema: t.object({ flavor: t.object({
      'name': t.string({ min: 1, pattern: '^(?! )(?!.* $).+$' }), 'id': t.optional(t.nullable(t.union(t.string({ min: 1, pattern: '^(?! )(?!.* $)[ a-zA-Z0-9._-]+$' }), t.integer()))), 'ram': size(1), 'vcpus': size(1), 'disk': size(0),
      'OS-FLV-EXT-DATA:ephemeral': t.optional(size(0)), 'swap': t.optional(size(0)), 'rxtx_factor': t.optional(t.union(t.number({ min: 0.0001 }), t.string({ pattern: '^[0-9]+(\\.[0-9]+)?$' }))),
      'os-flavor-access:is_public': t.optional(t.booleanLike()), ...(minor >= 55 && { description: t.optional(t.nullable(t.string({ max: 65_535 }))) }),
    }) }),
  }
}

interface FlavorBody { name: string, id?: string | number | null, ram: number | string, vcpus: number | string, disk: number | string, 'OS-FLV-EXT-DATA:ephemeral'?: number | string, swap?: number | string, rxtx_factor?: number | string, 'os-flavor-access:is_public'?: boolean | string, description?: string | null }

/** Routes of flavors. */
export function flavorRoutes(flavors: FlavorManager): AnyRoute[] {
  async function list(ctx: Context, url: URL, version: Version, detailed: boolean) {
    const q = url.searchParams
    const isPublic = q.get('is_public')?.toLowerCase()
    if (isPublic !== undefined && !['none', 'true', 'false', '1', '0', 't', 'f', 'yes', 'no'].includes(isPublic)) throw invalid('flavor.isPublic', `Invalid is_public filter [${q.get('is_public')}]`)
    const number = (name: string) => { const text = q.get(name); if (text === null) return undefined; if (!/^\d+$/.test(text)) throw invalid('flavor.filter', `Invalid ${name} filter [${text}]`); return Number(text) }
    const sort = sortKeys({ sort_key: q.get('sort_key') ?? undefined, sort_dir: q.get('sort_dir') ?? undefined }, COLUMNS, [{ column: 'id', direction: 'asc' }])
    const { flavors: found, more } = await flavors.list(ctx, {
      isPublic: isPublic === undefined ? true : isPublic === 'none' ? undefined : ['true', '1', 't', 'yes'].includes(isPublic), filter: { minDiskGib: number('minDisk'), minRamMib: number('minRam') }, sort,
      limit: pageLimit(q.get('limit') ?? undefined), marker: q.get('marker') ?? undefined,
    })
    const views = found.map(flavor => detailed ? view(ctx, flavor, version) : { id: flavor.id, name: flavor.name, ...(atLeast(version, 2, 55) && { description: flavor.description }), links: links(ctx, 'flavors', flavor.id) })
    return { flavors: views, ...nextLink(ctx, 'flavors_links', url, { more, marker: found.at(-1)?.id }) }
  }
  const view = (ctx: Context, flavor: Flavor, version: Version) => viewFlavor(ctx, flavor, version, flavors.seesSpecs(ctx))

  return [
    route({ method: 'GET', path: '/v2.1/flavors', rule: ANYBODY, status: 200, summary: 'List Flavors', query: t.open({}), handle: ({ ctx, url, version }) => list(ctx, url, version, false) }),
    route({ method: 'GET', path: '/v2.1/flavors/detail', rule: ANYBODY, status: 200, summary: 'List Flavors With Details', query: t.open({}), handle: ({ ctx, url, version }) => list(ctx, url, version, true) }),
    route({
      method: 'POST', path: '/v2.1/flavors', rule: rules.CREATE, status: 200, summary: 'Create Flavor', body: versioned(createBody(55), createBody(1)),
      async handle({ ctx, body, version }) {
        const f = (body as { flavor: FlavorBody }).flavor
        const [ram, vcpus] = [Number(f.ram), Number(f.vcpus)]
        if (ram < 1 || vcpus < 1) throw invalid('flavor.size', 'Invalid input for field/attribute ram or vcpus. They must be 1 or more.')
        const made = await flavors.create(ctx, {
          id: f.id === undefined || f.id === null || f.id === 'auto' ? undefined : String(f.id), name: f.name, ramMib: ram, vcpus, diskGib: Number(f.disk), ephemeralGib: Number(f['OS-FLV-EXT-DATA:ephemeral'] ?? 0), swapMib: Number(f.swap ?? 0),
          rxtxFactor: Number(f.rxtx_factor ?? 1), isPublic: f['os-flavor-access:is_public'] === undefined ? true : t.asBoolean(f['os-flavor-access:is_public']), description: f.description ?? null,
        })
        return { flavor: view(ctx, made, version) }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/flavors/{flavor_id}', rule: ANYBODY, status: 200, summary: 'Show Flavor Details', params: byId,
      handle: async ({ ctx, params, version }) => ({ flavor: view(ctx, await flavors.show(ctx, params.flavor_id), version) }),
    }),
    route({
      method: 'PUT', path: '/v2.1/flavors/{flavor_id}', rule: rules.UPDATE, status: 200, summary: 'Update Flavor Description', since: [2, 55], params: byId, body: t.object({ flavor: t.object({ description: t.nullable(t.string({ max: 65_535 })) }) }),
      handle: async ({ ctx, params, body, version }) => ({ flavor: view(ctx, await flavors.update(ctx, params.flavor_id, body.flavor.description), version) }),
    }),
    route({ method: 'DELETE', path: '/v2.1/flavors/{flavor_id}', rule: rules.DELETE, status: 202, summary: 'Delete Flavor', params: byId, handle: async ({ ctx, params }) => flavors.remove(ctx, params.flavor_id) }),
    route({
      method: 'GET', path: '/v2.1/flavors/{flavor_id}/os-extra_specs', rule: specRules.INDEX, status: 200, summary: 'List Extra Specs For A Flavor', params: byId,
      handle: async ({ ctx, params }) => ({ extra_specs: await flavors.specs(ctx, specRules.INDEX, params.flavor_id) }),
    }),
    route({
      method: 'POST', path: '/v2.1/flavors/{flavor_id}/os-extra_specs', rule: specRules.CREATE, status: 200, summary: 'Create Extra Specs For A Flavor', params: byId, body: t.object({ extra_specs: specs }),
      async handle({ ctx, params, body }) {
        const added = texts(body.extra_specs)
        await flavors.specs(ctx, specRules.CREATE, params.flavor_id, was => ({ ...was, ...added }))
        return { extra_specs: added }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/flavors/{flavor_id}/os-extra_specs/{key}', rule: specRules.SHOW, status: 200, summary: 'Show An Extra Spec For A Flavor', params: oneSpec,
      async handle({ ctx, params }) {
        const value = (await flavors.specs(ctx, specRules.SHOW, params.flavor_id))[params.key]
        if (value === undefined) throw noSpec(params)
        return { [params.key]: value }
      },
    }),
    route({
      method: 'PUT', path: '/v2.1/flavors/{flavor_id}/os-extra_specs/{key}', rule: specRules.UPDATE, status: 200, summary: 'Update An Extra Spec For A Flavor', params: oneSpec, body: specs,
      async handle({ ctx, params, body }) {
        const changed = texts(body)
        if (Object.keys(changed).length !== 1 || !(params.key in changed)) throw invalid('extraSpecs', 'Request body and URI mismatch')
        await flavors.specs(ctx, specRules.UPDATE, params.flavor_id, was => ({ ...was, ...changed }))
        return changed
      },
    }),
    route({
      method: 'DELETE', path: '/v2.1/flavors/{flavor_id}/os-extra_specs/{key}', rule: specRules.DELETE, status: 200, summary: 'Delete An Extra Spec For A Flavor', params: oneSpec,
      async handle({ ctx, params }) {
        await flavors.specs(ctx, specRules.DELETE, params.flavor_id, was => {
          const { [params.key]: gone, ...rest } = was
          if (gone === undefined) throw noSpec(params)
          return rest
        })
      },
    }),
    route({
      method: 'GET', path: '/v2.1/flavors/{flavor_id}/os-flavor-access', rule: rules.OS_FLAVOR_ACCESS, status: 200, summary: 'List Flavor Access Information For Given Flavor', params: byId,
      handle: async ({ ctx, params }) => access(params.flavor_id, await flavors.access(ctx, params.flavor_id)),
    }),
    route({
      method: 'POST', path: '/v2.1/flavors/{flavor_id}/action', rule: rules.ADD_TENANT_ACCESS, status: 200, summary: 'Add or remove flavor access', params: byId, actions: ['addTenantAccess', 'removeTenantAccess'], actionRules: [rules.REMOVE_TENANT_ACCESS],
      body: t.union(t.object({ addTenantAccess: t.object({ tenant: t.string({ min: 1 }) }) }), t.object({ removeTenantAccess: t.object({ tenant: t.string({ min: 1 }) }) })),
      async handle({ ctx, params, body }) {
        const [how, projectId] = 'addTenantAccess' in body ? ['add', body.addTenantAccess.tenant] as const : ['remove', body.removeTenantAccess.tenant] as const
        return access(params.flavor_id, await flavors.changeAccess(ctx, params.flavor_id, projectId, how))
      },
    }),
  ]
}

function viewFlavor(ctx: Context, f: Flavor, version: Version, seesSpecs: boolean) {
  return {
    'id': f.id, 'name': f.name, 'ram': f.ramMib, 'disk': f.diskGib, 'vcpus': f.vcpus, 'swap': f.swapMib === 0 && !atLeast(version, 2, 75) ? '' : f.swapMib, 'OS-FLV-EXT-DATA:ephemeral': f.ephemeralGib,
    'OS-FLV-DISABLED:disabled': f.disabled, 'os-flavor-access:is_public': f.isPublic, 'rxtx_factor': f.rxtxFactor, 'links': links(ctx, 'flavors', f.id),
    ...(atLeast(version, 2, 55) && { description: f.description }), ...(atLeast(version, 2, 61) && seesSpecs && { extra_specs: f.extraSpecs }),
  }
}

function access(id: string, projects: readonly string[]) {
  return { flavor_access: projects.map(project => ({ flavor_id: id, tenant_id: project })) }
}

function texts(values: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typeof value === 'boolean' ? value ? 'True' : 'False' : String(value)]))
}

function noSpec({ flavor_id: id, key }: { flavor_id: string, key: string }) {
  return notFound('extraSpec', `Flavor ${id} has no extra specs with key ${key}.`)
}

// /types, their extra specs and access.
import type { Context } from '@alto/kit/context'
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { TypeManager } from '../manager/volume-types.ts'
import { VISIBLE_SPECS, type VolumeType } from '../model/volume-types.ts'
import * as specRules from '../policy/extra-specs.ts'
import * as accessRules from '../policy/type-access.ts'
import * as rules from '../policy/volume-types.ts'
import { byId, byKey, metadata } from './lists.ts'
import { invalid } from '../model/faults.ts'

const typeName = t.string({ min: 1 })
const described = { description: t.optional(t.nullable(t.string())) }

/** The routes of volume types. */
export function typeRoutes(types: TypeManager): AnyRoute[] {
  const view = (ctx: Context, type: VolumeType) => {
    const specs = ctx.allowed(specRules.READ_SENSITIVE, {}) ? type.extraSpecs : Object.fromEntries(Object.entries(type.extraSpecs).filter(([key]) => VISIBLE_SPECS.includes(key)))
    return { id: type.id, name: type.name, is_public: type.isPublic, description: type.description, 'os-volume-type-access:is_public': type.isPublic, extra_specs: specs, ...(ctx.allowed(rules.TYPE_CREATE, {}) && { qos_specs_id: null }) }
  }
  return [
    route({
      method: 'GET', path: '/v3/types', rule: rules.TYPE_GET_ALL, status: 200, summary: 'List all volume types',
      async handle({ ctx, url: { searchParams: query } }) {
        const asked = query.get('is_public')
        return { volume_types: (await types.list(ctx, asked === null || asked.toLowerCase() === 'none' ? undefined : t.asBoolean(asked))).map(type => view(ctx, type)) }
      },
    }),
    route({
      method: 'POST', path: '/v3/types', rule: rules.TYPE_CREATE, status: 200, summary: 'Create a volume type',
      body: t.open({ volume_type: t.open({ name: typeName, ...described, 'os-volume-type-access:is_public': t.optional(t.booleanLike()), extra_specs: t.optional(t.nullable(metadata)) }) }),
      handle: async ({ ctx, body: { volume_type: b } }) => ({ volume_type: view(ctx, await types.create(ctx, { name: b.name.trim(), description: b.description ?? null, isPublic: t.asBoolean(b['os-volume-type-access:is_public'] ?? true), extraSpecs: b.extra_specs ?? {} })) }),
    }),
    route({
      method: 'GET', path: '/v3/types/{id}', rule: rules.TYPE_GET, status: 200, summary: 'Show volume type detail', params: byId,
      handle: async ({ ctx, params }) => ({ volume_type: view(ctx, await types.show(ctx, params.id)) }),
    }),
    route({
      method: 'PUT', path: '/v3/types/{id}', rule: rules.TYPE_UPDATE, status: 200, summary: 'Update a volume type', params: byId,
      body: t.open({ volume_type: t.open({ name: t.optional(t.nullable(typeName)), ...described, is_public: t.optional(t.nullable(t.booleanLike())) }) }),
      async handle({ ctx, params, body: { volume_type: b } }) {
        const [given, isPublic] = [b.name ?? undefined, b.is_public ?? undefined]
        if (given === undefined && b.description === undefined && isPublic === undefined) throw invalid('Specify volume type name, description, is_public or a combination thereof.')
        return { volume_type: view(ctx, await types.update(ctx, params.id, { name: given, description: b.description, isPublic: isPublic === undefined ? undefined : t.asBoolean(isPublic) })) }
      },
    }),
    route({ method: 'DELETE', path: '/v3/types/{id}', rule: rules.TYPE_DELETE, status: 202, summary: 'Delete a volume type', params: byId, handle: async ({ ctx, params }) => types.remove(ctx, params.id) }),
    route({
      method: 'GET', path: '/v3/types/{id}/extra_specs', rule: specRules.INDEX, status: 200, summary: 'Show all extra specifications for volume type', params: byId,
      async handle({ ctx, params }) {
        const specs = await types.extraSpecs(ctx, params.id)
        return { extra_specs: ctx.allowed(specRules.READ_SENSITIVE, {}) ? specs : Object.fromEntries(Object.entries(specs).filter(([key]) => VISIBLE_SPECS.includes(key))) }
      },
    }),
    route({
      method: 'POST', path: '/v3/types/{id}/extra_specs', rule: specRules.CREATE, status: 200, summary: 'Create or update extra specs for volume type', params: byId, body: t.object({ extra_specs: metadata }),
      async handle({ ctx, params, body }) {
        await types.setExtraSpecs(ctx, params.id, body.extra_specs, 'create')
        return { extra_specs: body.extra_specs }
      },
    }),
    route({
      method: 'GET', path: '/v3/types/{id}/extra_specs/{key}', rule: specRules.SHOW, status: 200, summary: 'Show extra specification for volume type', params: byKey,
      handle: async ({ ctx, params }) => ({ [params.key]: await types.extraSpec(ctx, params.id, params.key) }),
    }),
    route({
      method: 'PUT', path: '/v3/types/{id}/extra_specs/{key}', rule: specRules.UPDATE, status: 200, summary: 'Update extra specification for volume type', params: byKey, body: metadata,
      async handle({ ctx, params, body }) {
        if (Object.keys(body).join() !== params.key) throw invalid('Request body and URI mismatch')
        await types.setExtraSpecs(ctx, params.id, body, 'update')
        return body
      },
    }),
    route({ method: 'DELETE', path: '/v3/types/{id}/extra_specs/{key}', rule: specRules.DELETE, status: 202, summary: 'Delete extra specification for volume type', params: byKey, handle: async ({ ctx, params }) => types.removeExtraSpec(ctx, params.id, params.key) }),
    route({
      method: 'GET', path: '/v3/types/{id}/os-volume-type-access', rule: accessRules.GET_ALL_FOR_TYPE, status: 200, summary: 'List private volume type access detail', params: byId,
      async handle({ ctx, params }) {
        const { typeId, projects } = await types.access(ctx, params.id)
        return { volume_type_access: projects.map(project_id => ({ volume_type_id: typeId, project_id })) }
      },
    }),
    route({
      method: 'POST', path: '/v3/types/{id}/action', rule: accessRules.ADDPROJECTACCESS, actionRules: [accessRules.REMOVEPROJECTACCESS], actions: ['addProjectAccess', 'removeProjectAccess'], status: 202, summary: 'Private volume type access',
      params: byId, body: t.union(t.object({ addProjectAccess: t.object({ project: t.string({ min: 1 }) }) }), t.object({ removeProjectAccess: t.object({ project: t.string({ min: 1 }) }) })),
      handle: async ({ ctx, params, body }) => 'addProjectAccess' in body ? types.addAccess(ctx, params.id, body.addProjectAccess.project) : types.removeAccess(ctx, params.id, body.removeProjectAccess.project),
    }),
  ]
}

// /volumes and their metadata.
import type { Context } from '@alto/kit/context'
import { atLeast, route, t, versioned, type AnyRoute, type Version } from '@alto/kit/http'
import type { VolumeInput, VolumeManager, VolumeView } from '../manager/volumes.ts'
import { invalid, metadataNotFound } from '../model/faults.ts'
import type { ColumnFilter, VolumeFilter } from '../model/filters.ts'
import * as metadataRules from '../policy/volume-metadata.ts'
import * as rules from '../policy/volumes.ts'
import { byId, byKey, linksTo, metaBody, metadata, metadataBody, metadataIn, name, nextLink, pageOf, time } from './lists.ts'

const size = t.optional(t.nullable(t.integerLike()))
const reference = t.optional(t.nullable(t.string()))
const fields = {
  size, name, description: name, display_name: name, display_description: name, metadata: t.optional(t.nullable(metadata)), availability_zone: reference, volume_type: reference,
  imageRef: reference, image_id: reference, snapshot_id: reference, source_volid: reference, consistencygroup_id: reference, group_id: reference, multiattach: t.optional(t.nullable(t.booleanLike())),
}
const strict = t.object({ volume: t.object(fields), 'OS-SCH-HNT:scheduler_hints': t.optional(t.open({})) })
const lenient = t.open({ volume: t.open(fields) })
const changes = { name, description: name, display_name: name, display_description: name, metadata: t.optional(t.nullable(metadata)) }
const SORT = { id: 'id', name: 'name', display_name: 'name', status: 'status', size: 'size', created_at: 'created_at', updated_at: 'updated_at', availability_zone: 'zone', bootable: 'bootable', host: 'host' } as const
const FILTERS: Readonly<Record<string, ColumnFilter['column']>> = {
  id: 'id', name: 'name', display_name: 'name', description: 'description', display_description: 'description', status: 'status', availability_zone: 'zone', bootable: 'bootable', size: 'size', user_id: 'user_id',
  snapshot_id: 'snapshot_id', volume_type_id: 'type_id', host: 'host', multiattach: 'multiattach',
}
const LIKE = new Set(['name', 'display_name', 'description', 'display_description', 'status', 'availability_zone', 'user_id', 'host', 'id'])
const COMPARE: Readonly<Record<string, ColumnFilter['operator']>> = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=' }

/** The routes of volumes; a page has at most `max`. */
export function volumeRoutes(volumes: VolumeManager, max: number): AnyRoute[] {
  const list = (path: string, view: (ctx: Context, v: VolumeView, version: Version) => object) => route({
    method: 'GET', path, rule: rules.GET_ALL, status: 200, summary: path.endsWith('detail') ? 'List accessible volumes with details' : 'List accessible volumes',
    async handle({ ctx, url, version }) {
      const page = await volumes.list(ctx, { ...pageOf(url.searchParams, SORT, max, version), filter: filterOf(url.searchParams, version) })
      return { volumes: page.views.map(v => view(ctx, v, version)), ...nextLink(ctx, url, 'volumes', { more: page.more, last: page.views.at(-1)?.volume.id }), ...(page.count !== undefined && { count: page.count }) }
    },
  })
  return [
    list('/v3/volumes', (ctx, { volume }) => ({ id: volume.id, name: volume.name, links: linksTo(ctx, `volumes/${volume.id}`) })),
    list('/v3/volumes/detail', viewVolume),
    route({
      method: 'GET', path: '/v3/volumes/summary', rule: rules.GET_ALL, status: 200, summary: 'Get volumes summary', since: [3, 12],
      async handle({ ctx, url, version }) {
        const found = await volumes.summary(ctx, { ...pageOf(url.searchParams, SORT, max, version), filter: filterOf(url.searchParams, version) })
        return { 'volume-summary': { total_count: found.count, total_size: found.size, ...(atLeast(version, 3, 36) && { metadata: found.metadata }) } }
      },
    }),
    route({
      method: 'POST', path: '/v3/volumes', rule: rules.CREATE, status: 202, summary: 'Create a volume', body: versioned({ since: [3, 53], schema: strict }, { since: [3, 0], schema: lenient }),
      handle: async ({ ctx, body, version }) => ({ volume: viewBare(ctx, await volumes.create(ctx, inputOf(body.volume, version)), version) }),
    }),
    route({
      method: 'GET', path: '/v3/volumes/{id}', rule: rules.GET, status: 200, summary: 'Show a volume\'s details', params: byId,
      handle: async ({ ctx, params, version }) => ({ volume: viewVolume(ctx, await volumes.show(ctx, params.id), version) }),
    }),
    route({
      method: 'PUT', path: '/v3/volumes/{id}', rule: rules.UPDATE, status: 200, summary: 'Update a volume', params: byId,
      body: versioned({ since: [3, 53], schema: t.object({ volume: t.object(changes) }) }, { since: [3, 0], schema: t.open({ volume: t.open(changes) }) }),
      async handle({ ctx, params, body, version }) {
        const b = body.volume
        const changed = await volumes.update(ctx, params.id, { name: b.name === undefined ? b.display_name : b.name, description: b.description === undefined ? b.display_description : b.description, metadata: b.metadata ?? undefined })
        return { volume: viewBare(ctx, changed, version) }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/volumes/{id}', rule: rules.DELETE, status: 202, summary: 'Delete a volume', params: byId,
      async handle({ ctx, params, url, version }) {
        const flag = (key: string) => t.asBoolean(url.searchParams.get(key) ?? 'false')
        await volumes.remove(ctx, params.id, { force: atLeast(version, 3, 23) && flag('force'), cascade: flag('cascade') })
      },
    }),
    route({
      method: 'GET', path: '/v3/volumes/{id}/metadata', rule: metadataRules.GET_VOLUME_METADATA, status: 200, summary: 'Show a volume\'s metadata', params: byId,
      handle: async ({ ctx, params }) => ({ metadata: await volumes.metadata(ctx, params.id) }),
    }),
    route({
      method: 'POST', path: '/v3/volumes/{id}/metadata', rule: metadataRules.CREATE_VOLUME_METADATA, status: 200, summary: 'Create metadata for volume', params: byId, body: metadataBody,
      handle: async ({ ctx, params, body }) => ({ metadata: await volumes.setMetadata(ctx, params.id, body.metadata, 'create') }),
    }),
    route({
      method: 'PUT', path: '/v3/volumes/{id}/metadata', rule: metadataRules.UPDATE_VOLUME_METADATA, status: 200, summary: 'Update a volume\'s metadata', params: byId, body: metadataBody,
      handle: async ({ ctx, params, body }) => ({ metadata: await volumes.setMetadata(ctx, params.id, body.metadata, 'replace') }),
    }),
    route({
      method: 'GET', path: '/v3/volumes/{id}/metadata/{key}', rule: metadataRules.GET_VOLUME_METADATA, status: 200, summary: 'Show a volume\'s metadata for a specific key', params: byKey,
      async handle({ ctx, params }) {
        const value = (await volumes.metadata(ctx, params.id))[params.key]
        if (value === undefined) throw metadataNotFound(params.id, params.key)
        return { meta: { [params.key]: value } }
      },
    }),
    route({
      method: 'PUT', path: '/v3/volumes/{id}/metadata/{key}', rule: metadataRules.UPDATE_VOLUME_METADATA, status: 200, summary: 'Update a volume\'s metadata for a specific key', params: byKey, body: metaBody,
      async handle({ ctx, params, body }) {
        if (Object.keys(body.meta).join() !== params.key) throw invalid('Request body and URI mismatch')
        return { meta: { [params.key]: (await volumes.setMetadata(ctx, params.id, body.meta, 'update'))[params.key] } }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/volumes/{id}/metadata/{key}', rule: metadataRules.DELETE_VOLUME_METADATA, status: 200, summary: 'Delete a volume\'s metadata', params: byKey,
      handle: async ({ ctx, params }) => volumes.removeMetadata(ctx, params.id, params.key),
    }),
  ]
}

/** A volume where it is looked at. */
function viewVolume(ctx: Context, seen: VolumeView, version: Version) {
  const { volume: v } = seen
  return {
    ...viewBare(ctx, seen, version), 'os-vol-tenant-attr:tenant_id': v.projectId, ...(Object.keys(v.imageMetadata).length > 0 && { volume_image_metadata: v.imageMetadata }),
    ...(ctx.allowed(rules.VOLUME_HOST_ATTRIBUTE, { project_id: v.projectId }) && { 'os-vol-host-attr:host': v.host && `${v.host}@file#file`, 'os-vol-mig-status-attr:migstat': null, 'os-vol-mig-status-attr:name_id': null }),
  }
}

/** A volume as its version shows it; all there is where it was just made or changed, as upstream. */
function viewBare(ctx: Context, { volume: v, attachments, typeName }: VolumeView, version: Version) {
  const admin = ctx.allowed(rules.VOLUME_HOST_ATTRIBUTE, { project_id: v.projectId })
  return {
    id: v.id, name: v.name, description: v.description, status: v.status, size: v.size, availability_zone: v.zone, created_at: time(v.createdAt), updated_at: time(v.updatedAt), user_id: v.userId,
    attachments: attachments.filter(a => a.status === 'attached').map(a => ({
      id: v.id, attachment_id: a.id, volume_id: v.id, server_id: a.instanceId, host_name: admin ? a.host : null, device: a.mountpoint, attached_at: time(a.attachedAt),
    })),
    volume_type: typeName, snapshot_id: v.source.kind === 'snapshot' ? v.source.id : null, source_volid: v.source.kind === 'volume' ? v.source.id : null,
    metadata: { ...v.metadata, ...(v.readOnly && { readonly: 'True' }) }, links: linksTo(ctx, `volumes/${v.id}`), bootable: String(v.bootable), encrypted: false, multiattach: v.multiattach, replication_status: null, migration_status: null,
    consistencygroup_id: null, ...(atLeast(version, 3, 13) && { group_id: null }), ...(atLeast(version, 3, 21) && admin && { provider_id: null }), ...(atLeast(version, 3, 48) && { shared_targets: false, service_uuid: null }),
    ...(atLeast(version, 3, 61) && admin && { cluster_name: null }), ...(atLeast(version, 3, 63) && { volume_type_id: v.typeId }), ...(atLeast(version, 3, 65) && { consumes_quota: true }),
  }
}

interface CreateBody {
  size?: number | string | null, name?: string | null, description?: string | null, display_name?: string | null, display_description?: string | null, metadata?: Record<string, string> | null
  availability_zone?: string | null, volume_type?: string | null, imageRef?: string | null, image_id?: string | null, snapshot_id?: string | null, source_volid?: string | null
  consistencygroup_id?: string | null, group_id?: string | null, multiattach?: boolean | string | null
}

function inputOf(b: CreateBody, version: Version): VolumeInput {
  if ((b.group_id ?? b.consistencygroup_id ?? undefined) !== undefined) throw invalid('Invalid input received: groups of volumes are not supported.')
  const size = b.size ?? undefined
  return {
    size: size === undefined ? undefined : t.asInteger(size), name: b.name ?? b.display_name ?? null, description: b.description ?? b.display_description ?? null, imageId: b.imageRef ?? b.image_id ?? undefined, fromNamedSnapshot: atLeast(version, 3, 46),
    snapshotId: b.snapshot_id ?? undefined, sourceVolumeId: b.source_volid ?? undefined, type: b.volume_type ?? undefined, zone: b.availability_zone ?? undefined, metadata: b.metadata ?? {}, multiattach: t.asBoolean(b.multiattach ?? false),
  }
}

function filterOf(query: URLSearchParams, version: Version): VolumeFilter {
  const columns: ColumnFilter[] = []
  for (const [key, value] of query) {
    const like = key.endsWith('~') && atLeast(version, 3, 34)
    const column = FILTERS[like ? key.slice(0, -1) : key]
    if (column !== undefined && (!like || LIKE.has(key.slice(0, -1)))) columns.push({ column, operator: like ? 'like' : '=', value: columnValue(column, value) })
    if ((key === 'created_at' || key === 'updated_at') && atLeast(version, 3, 60)) columns.push(...value.split(',').map(part => comparison(key, part)))
  }
  return { columns, metadata: metadataIn(query.get('metadata') ?? undefined), projectId: query.get('project_id') ?? undefined }
}

function columnValue(column: ColumnFilter['column'], text: string): string | number {
  if (column === 'bootable' || column === 'multiattach') return Number(t.asBoolean(text))
  return column === 'size' ? Number(text) || 0 : text
}

function comparison(column: 'created_at' | 'updated_at', text: string): ColumnFilter {
  const [, operator = 'eq', when] = /^(?:(gt|gte|lt|lte|eq):)?(.+)$/.exec(text) ?? []
  const at = Date.parse(when !== undefined && /Z|[+-]\d\d:?\d\d$/.test(when) ? when : `${when}Z`)
  if (Number.isNaN(at)) throw invalid(`Invalid value for ${column}: ${text}. Times are written as in gt:2026-01-31T12:00:00.`)
  return { column, operator: COMPARE[operator]!, value: at }
}

// /snapshots, their metadata and actions.
import { atLeast, route, t, type AnyRoute, type Version } from '@alto/kit/http'
import type { SnapshotManager } from '../manager/snapshots.ts'
import { invalid, metadataNotFound } from '../model/faults.ts'
import type { SnapshotFilter } from '../model/filters.ts'
import { SNAPSHOT_STATUSES, type Snapshot } from '../model/snapshots.ts'
import * as rules from '../policy/snapshots.ts'
import { byId, byKey, metaBody, metadata, metadataBody, metadataIn, name, nextLink, pageOf, time } from './lists.ts'

const SORT = { id: 'id', created_at: 'created_at', updated_at: 'updated_at', status: 'status', name: 'name', display_name: 'name' } as const

/** The routes of snapshots; a page has at most `max`. */
export function snapshotRoutes(snapshots: SnapshotManager, max: number): AnyRoute[] {
  const list = (path: string, isDetailed: boolean) => route({
    method: 'GET', path, rule: rules.GET_ALL_SNAPSHOTS, status: 200, summary: isDetailed ? 'List snapshots and details' : 'List accessible snapshots',
    async handle({ ctx, url, version }) {
      const page = await snapshots.list(ctx, { ...pageOf(url.searchParams, SORT, max, version), filter: filterOf(url.searchParams, version) })
      return { snapshots: page.rows.map(s => viewSnapshot(s, version, isDetailed)), ...nextLink(ctx, url, 'snapshots', { more: page.more, last: page.rows.at(-1)?.id }), ...(page.count !== undefined && { count: page.count }) }
    },
  })
  return [
    list('/v3/snapshots', false),
    list('/v3/snapshots/detail', true),
    route({
      method: 'POST', path: '/v3/snapshots', rule: rules.CREATE_SNAPSHOT, status: 202, summary: 'Create a snapshot',
      body: t.open({ snapshot: t.open({ volume_id: t.uuid(), name, display_name: name, description: name, display_description: name, force: t.optional(t.nullable(t.booleanLike())), metadata: t.optional(t.nullable(metadata)) }) }),
      async handle({ ctx, body: { snapshot: b }, version }) {
        const force = b.force === undefined || b.force === null ? undefined : t.asBoolean(b.force)
        if (force === false && atLeast(version, 3, 66)) throw invalid('Invalid value for \'force\': since microversion 3.66 it may only be true, or left out.')
        return { snapshot: viewSnapshot(await snapshots.create(ctx, { volumeId: b.volume_id, name: b.name ?? b.display_name ?? null, description: b.description ?? b.display_description ?? null, metadata: b.metadata ?? {}, mayBeInUse: force === true || atLeast(version, 3, 66) }), version, false) }
      },
    }),
    route({
      method: 'GET', path: '/v3/snapshots/{id}', rule: rules.GET_SNAPSHOT, status: 200, summary: 'Show a snapshot\'s details', params: byId,
      handle: async ({ ctx, params, version }) => ({ snapshot: viewSnapshot(await snapshots.show(ctx, params.id), version, true) }),
    }),
    route({
      method: 'PUT', path: '/v3/snapshots/{id}', rule: rules.UPDATE_SNAPSHOT, status: 200, summary: 'Update a snapshot', params: byId,
      body: t.open({ snapshot: t.open({ name, display_name: name, description: name, display_description: name }) }),
      async handle({ ctx, params, body: { snapshot: b }, version }) {
        const changed = await snapshots.update(ctx, params.id, { name: b.name === undefined ? b.display_name : b.name, description: b.description === undefined ? b.display_description : b.description })
        return { snapshot: viewSnapshot(changed, version, false) }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/snapshots/{id}', rule: rules.DELETE_SNAPSHOT, status: 202, summary: 'Delete a snapshot', params: byId,
      handle: async ({ ctx, params }) => snapshots.remove(ctx, params.id, false),
    }),
    route({
      method: 'POST', path: '/v3/snapshots/{id}/action', rule: rules.RESET_STATUS, actionRules: [rules.FORCE_DELETE], actions: ['os-reset_status', 'os-force_delete'], status: 202, summary: 'Snapshot actions', params: byId,
      body: t.union(t.object({ 'os-reset_status': t.open({ status: t.oneOf(...SNAPSHOT_STATUSES) }) }), t.object({ 'os-force_delete': t.union(t.null(), t.open({}), t.string()) })),
      handle: async ({ ctx, params, body }) => 'os-reset_status' in body ? snapshots.resetStatus(ctx, params.id, body['os-reset_status'].status) : snapshots.remove(ctx, params.id, true),
    }),
    route({
      method: 'GET', path: '/v3/snapshots/{id}/metadata', rule: rules.GET_SNAPSHOT_METADATA, status: 200, summary: 'Show a snapshot\'s metadata', params: byId,
      handle: async ({ ctx, params }) => ({ metadata: await snapshots.metadata(ctx, params.id) }),
    }),
    ...(['POST', 'PUT'] as const).map(method => route({
      method, path: '/v3/snapshots/{id}/metadata', rule: rules.UPDATE_SNAPSHOT_METADATA, status: 200, summary: method === 'POST' ? 'Create a snapshot\'s metadata' : 'Update a snapshot\'s metadata', params: byId, body: metadataBody,
      handle: async ({ ctx, params, body }) => ({ metadata: await snapshots.setMetadata(ctx, params.id, body.metadata, method === 'PUT' ? 'replace' : 'update') }),
    })),
    route({
      method: 'GET', path: '/v3/snapshots/{id}/metadata/{key}', rule: rules.GET_SNAPSHOT_METADATA, status: 200, summary: 'Show a snapshot\'s metadata for a specific key', params: byKey,
      async handle({ ctx, params }) {
        const value = (await snapshots.metadata(ctx, params.id))[params.key]
        if (value === undefined) throw metadataNotFound(params.id, params.key)
        return { meta: { [params.key]: value } }
      },
    }),
    route({
      method: 'PUT', path: '/v3/snapshots/{id}/metadata/{key}', rule: rules.UPDATE_SNAPSHOT_METADATA, status: 200, summary: 'Update a snapshot\'s metadata for a specific key', params: byKey, body: metaBody,
      async handle({ ctx, params, body }) {
        if (Object.keys(body.meta).join() !== params.key) throw invalid('Request body and URI mismatch')
        return { meta: { [params.key]: (await snapshots.setMetadata(ctx, params.id, body.meta, 'update'))[params.key] } }
      },
    }),
    route({
      method: 'DELETE', path: '/v3/snapshots/{id}/metadata/{key}', rule: rules.DELETE_SNAPSHOT_METADATA, status: 200, summary: 'Delete a snapshot\'s metadata', params: byKey,
      handle: async ({ ctx, params }) => snapshots.removeMetadata(ctx, params.id, params.key),
    }),
  ]
}

function filterOf(query: URLSearchParams, version: Version): SnapshotFilter {
  const one = (key: string) => query.get(key) ?? undefined
  return { volumeId: one('volume_id'), name: one('name') ?? one('display_name'), status: one('status'), projectId: one('project_id'), metadata: atLeast(version, 3, 22) ? metadataIn(one('metadata')) : undefined }
}

function viewSnapshot(s: Snapshot, version: Version, isDetailed: boolean) {
  return {
    id: s.id, name: s.name, description: s.description, volume_id: s.volumeId, size: s.size, status: s.status, metadata: s.metadata, created_at: time(s.createdAt), updated_at: time(s.updatedAt),
    ...(isDetailed && { 'os-extended-snapshot-attributes:progress': s.status === 'available' ? '100%' : '0%', 'os-extended-snapshot-attributes:project_id': s.projectId }),
    ...(atLeast(version, 3, 14) && { group_snapshot_id: null }), ...(atLeast(version, 3, 41) && { user_id: s.userId }), ...(atLeast(version, 3, 65) && { consumes_quota: true }),
  }
}

// /attachments.
import { atLeast, route, t, type AnyRoute, type Version } from '@alto/kit/http'
import type { AttachmentManager, Connector } from '../manager/attachments.ts'
import type { VolumeConnection } from '../model/disks.ts'
import type { Attachment } from '../model/volumes.ts'
import * as rules from '../policy/attachments.ts'
import * as volumeRules from '../policy/volumes.ts'
import { byId, time } from './lists.ts'

/** What a host says of itself when it wants to reach a volume. */
export const connector = t.open({ host: t.optional(t.string()), mountpoint: t.optional(t.nullable(t.string())), mode: t.optional(t.nullable(t.oneOf('rw', 'ro'))) })

interface ConnectorBody { host?: string, mountpoint?: string | null, mode?: 'rw' | 'ro' | null }

const SINCE = [3, 27] as const

/** The routes of attachments. */
export function attachmentRoutes(attachments: AttachmentManager): AnyRoute[] {
  const list = (path: string, summary: string, view: (a: Attachment) => object) => route({
    method: 'GET', path, rule: volumeRules.GET_ALL, status: 200, summary, since: SINCE,
    async handle({ ctx, url: { searchParams: query } }) {
      const one = (key: string) => query.get(key) ?? undefined
      const found = await attachments.list(ctx, { volumeId: one('volume_id'), instanceId: one('instance_id'), status: one('status') }, t.asBoolean(one('all_tenants') ?? 'false'))
      return { attachments: found.map(view) }
    },
  })
  return [
    list('/v3/attachments', 'List attachments', a => ({ id: a.id, status: a.status, instance: a.instanceId, volume_id: a.volumeId })),
    list('/v3/attachments/detail', 'List attachments with details', viewAttachment),
    route({
      method: 'POST', path: '/v3/attachments', rule: rules.ATTACHMENT_CREATE, status: 200, summary: 'Create attachment', since: SINCE,
      body: t.object({ attachment: t.open({ volume_uuid: t.uuid(), instance_uuid: t.optional(t.nullable(t.uuid())), connector: t.optional(t.nullable(connector)), mode: t.optional(t.oneOf('rw', 'ro')) }) }),
      async handle({ ctx, body: { attachment: b }, version }) {
        const given = b.connector && Object.keys(b.connector).length > 0 ? connectorOf(b.connector) : null
        return { attachment: viewAttachment(await attachments.create(ctx, { volumeId: b.volume_uuid, instanceId: b.instance_uuid ?? null, connector: given, mode: modeOf(b, version) })) }
      },
    }),
    route({
      method: 'GET', path: '/v3/attachments/{id}', rule: volumeRules.GET, status: 200, summary: 'Show attachment details', since: SINCE, params: byId,
      handle: async ({ ctx, params }) => ({ attachment: viewAttachment(await attachments.show(ctx, params.id)) }),
    }),
    route({
      method: 'PUT', path: '/v3/attachments/{id}', rule: rules.ATTACHMENT_UPDATE, status: 200, summary: 'Update an attachment', since: SINCE, params: byId, body: t.object({ attachment: t.object({ connector }) }),
      handle: async ({ ctx, params, body }) => ({ attachment: viewAttachment(await attachments.update(ctx, params.id, connectorOf(body.attachment.connector))) }),
    }),
    route({
      method: 'POST', path: '/v3/attachments/{id}/action', rule: rules.ATTACHMENT_COMPLETE, status: 204, summary: 'Complete attachment', since: [3, 44], params: byId, actions: ['os-complete'],
      body: t.object({ 'os-complete': t.nullable(t.union(t.open({}), t.string())) }), handle: async ({ ctx, params }) => attachments.complete(ctx, params.id),
    }),
    route({
      method: 'DELETE', path: '/v3/attachments/{id}', rule: rules.ATTACHMENT_DELETE, status: 200, summary: 'Delete attachment', since: SINCE, params: byId,
      handle: async ({ ctx, params }) => ({ attachments: (await attachments.remove(ctx, params.id)).map(a => ({ id: a.id, status: a.status, instance: a.instanceId, volume_id: a.volumeId })) }),
    }),
  ]
}

/** How a volume is reached, as attachments and connections show it. */
export function connectionInfo(connection: VolumeConnection, mode: 'rw' | 'ro') {
  const { kind, ...how } = connection
  return { driver_volume_type: kind, ...how, ...('path' in how && { device_path: how.path }), access_mode: mode, encrypted: false, discard: true }
}

function viewAttachment(a: Attachment) {
  return {
    id: a.id, status: a.status, instance: a.instanceId, volume_id: a.volumeId, attached_at: time(a.attachedAt) ?? '', detached_at: '', attach_mode: a.mode,
    connection_info: a.connection ? { ...connectionInfo(a.connection, a.mode), attachment_id: a.id, volume_id: a.volumeId } : {},
  }
}

/** The connector in a body. */
export function connectorOf(b: ConnectorBody): Connector {
  return { host: b.host, mountpoint: b.mountpoint ?? undefined, mode: b.mode ?? undefined }
}

/** The mode stands beside the connector from 3.54, in it before. */
function modeOf(b: { mode?: 'rw' | 'ro', connector?: ConnectorBody | null }, version: Version): 'rw' | 'ro' {
  return (atLeast(version, 3, 54) ? b.mode : undefined) ?? b.connector?.mode ?? 'rw'
}

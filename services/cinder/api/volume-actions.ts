// /volumes/{id}/action: the body's one key says which.
import { answer, atLeast, route, t, type AnyRoute } from '@alto/kit/http'
import type { VolumeActionManager } from '../manager/volume-actions.ts'
import type { VolumeManager } from '../manager/volumes.ts'
import { RESETTABLE } from '../model/volumes.ts'
import * as rules from '../policy/volume-actions.ts'
import * as volumeRules from '../policy/volumes.ts'
import { byId, time } from './lists.ts'
import { connectionInfo, connector, connectorOf } from './attachments.ts'

const nothing = t.union(t.null(), t.open({}), t.string())
const flag = t.booleanLike()
const bodies = [
  t.object({ 'os-reserve': nothing }), t.object({ 'os-unreserve': nothing }), t.object({ 'os-begin_detaching': nothing }), t.object({ 'os-roll_detaching': nothing }), t.object({ 'os-force_delete': nothing }),
  t.object({ 'os-attach': t.open({ instance_uuid: t.optional(t.uuid()), host_name: t.optional(t.string()), mountpoint: t.string({ min: 1 }), mode: t.optional(t.oneOf('rw', 'ro')) }) }),
  t.object({ 'os-detach': t.nullable(t.open({ attachment_id: t.optional(t.nullable(t.uuid())) })) }),
  t.object({ 'os-force_detach': t.open({ attachment_id: t.optional(t.nullable(t.uuid())) }) }),
  t.object({ 'os-initialize_connection': t.open({ connector }) }), t.object({ 'os-terminate_connection': t.open({ connector: t.nullable(connector) }) }),
  t.object({ 'os-extend': t.open({ new_size: t.integerLike() }) }),
  t.object({ 'os-reset_status': t.open({ status: t.optional(t.nullable(t.oneOf(...RESETTABLE))), attach_status: t.optional(t.nullable(t.oneOf('attached', 'detached'))) }) }),
  t.object({ 'os-set_bootable': t.open({ bootable: flag }) }), t.object({ 'os-update_readonly_flag': t.open({ readonly: flag }) }),
  t.object({ 'os-volume_upload_image': t.open({
    image_name: t.string({ min: 1 }), disk_format: t.optional(t.oneOf('raw', 'qcow2')), container_format: t.optional(t.oneOf('bare')), force: t.optional(flag),
    visibility: t.optional(t.oneOf('community', 'public', 'private', 'shared')), protected: t.optional(flag),
  }) }),
] as const

/** The route of volume actions. */
export function volumeActionRoutes(actions: VolumeActionManager, volumes: VolumeManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v3/volumes/{id}/action', status: 202, summary: 'Volume actions', params: byId, body: t.union(...bodies), rule: rules.RESERVE,
      actions: bodies.map(body => Object.keys(body.properties)[0]!), actionRules: [...Object.values(rules), volumeRules.UPDATE],
      async handle({ ctx, params: { id }, body, version }) {
        if ('os-reserve' in body) return actions.reserve(ctx, id)
        if ('os-unreserve' in body) return actions.unreserve(ctx, id)
        if ('os-begin_detaching' in body) return actions.beginDetaching(ctx, id)
        if ('os-roll_detaching' in body) return actions.rollDetaching(ctx, id)
        if ('os-force_delete' in body) return volumes.remove(ctx, id, { force: true, cascade: false, rule: rules.FORCE_DELETE })
        if ('os-attach' in body) {
          const given = body['os-attach']
          return actions.attach(ctx, id, { instanceId: given.instance_uuid ?? null, host: given.host_name, mountpoint: given.mountpoint, mode: given.mode ?? 'rw' })
        }
        if ('os-detach' in body) return actions.detach(ctx, id, body['os-detach']?.attachment_id ?? undefined, false)
        if ('os-force_detach' in body) return actions.detach(ctx, id, body['os-force_detach'].attachment_id ?? undefined, true)
        if ('os-initialize_connection' in body) {
          const { driver_volume_type, access_mode, ...data } = connectionInfo(await actions.initializeConnection(ctx, id, connectorOf(body['os-initialize_connection'].connector)), 'rw')
          return answer({ connection_info: { driver_volume_type, data: { ...data, access_mode } } }, { status: 200 })
        }
        if ('os-terminate_connection' in body) return actions.terminateConnection(ctx, id)
        if ('os-extend' in body) return actions.extend(ctx, id, t.asInteger(body['os-extend'].new_size), atLeast(version, 3, 42))
        if ('os-reset_status' in body) return actions.resetStatus(ctx, id, { status: body['os-reset_status'].status ?? undefined, detached: body['os-reset_status'].attach_status === 'detached' })
        if ('os-set_bootable' in body) { await volumes.setBootable(ctx, id, t.asBoolean(body['os-set_bootable'].bootable)); return answer(undefined, { status: 200 }) }
        if ('os-update_readonly_flag' in body) return actions.setReadOnly(ctx, id, t.asBoolean(body['os-update_readonly_flag'].readonly))
        const given = body['os-volume_upload_image']
        const modern = atLeast(version, 3, 1)
        const { volume, image } = await actions.uploadImage(ctx, id, {
          name: given.image_name, diskFormat: given.disk_format ?? 'raw', containerFormat: given.container_format ?? 'bare', visibility: modern ? given.visibility ?? 'private' : undefined,
          protected: modern && given.protected !== undefined ? t.asBoolean(given.protected) : undefined,
        })
        return { 'os-volume_upload_image': {
          id, updated_at: time(volume.updatedAt), status: volume.status, display_description: volume.description, size: volume.size, volume_type: null, image_id: image.id, container_format: image.container_format,
          disk_format: image.disk_format, image_name: image.name, ...(modern && { visibility: image.visibility, protected: image['protected'] === true }),
        } }
      },
    }),
  ]
}

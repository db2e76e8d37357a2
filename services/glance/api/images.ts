// /v2/images: records, tags, actions.
import { Fault } from '@alto/kit/errors'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import { linkWith } from '@alto/kit/openstack'
import type { ImageManager } from '../manager/images.ts'
import type { Stored } from '../manager/places.ts'
import { isoTime } from '../model/images.ts'
import { readListing } from '../model/listing.ts'
import { readPatch } from '../model/patch.ts'
import * as rules from '../policy/images.ts'

const byId = t.object({ image_id: t.id() })
const byTag = t.object({ image_id: t.id(), tag: t.string({ min: 1, max: 1024 }) })
const PATCH_V21 = 'application/openstack-images-v2.1-json-patch'
const PATCH_V20 = 'application/openstack-images-v2.0-json-patch'

/** The routes of images' records. `limits`: images on a page; `show`: the methods by which images are imported, the ids of the stores, and whether locations may be seen. */
export function imageRoutes(images: ImageManager, limits: { otherwise: number, most: number }, show: { methods: readonly string[], stores: readonly string[], locations: boolean }): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2/images', rule: rules.ADD_IMAGE, status: 201, summary: 'Create image', body: t.map(t.anything(), { max: 2000, keyMax: 1024 }),
      async handle({ ctx, body }) {
        const made = await images.create(ctx, body)
        return answer(view(made), {
          headers: { location: `${ctx.baseUrl}/v2/images/${made.image.id}`, 'openstack-image-import-methods': show.methods.join(','), 'openstack-image-store-ids': show.stores.join(',') },
        })
      },
    }),
    route({
      method: 'GET', path: '/v2/images', rule: rules.GET_IMAGES, status: 200, summary: 'List images',
      async handle({ ctx, url }) {
        const { rows, more } = await images.list(ctx, readListing(url.searchParams, limits))
        const last = rows.at(-1)
        return {
          images: rows.map(view), first: linkWith('/v2/images', url, { marker: undefined }), schema: '/v2/schemas/images',
          ...(more && last && { next: linkWith('/v2/images', url, { marker: last.image.id }) }),
        }
      },
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}', rule: rules.GET_IMAGE, status: 200, summary: 'Show image', params: byId,
      handle: async ({ ctx, params }) => view(await images.show(ctx, params.image_id)),
    }),
    route({
      method: 'PATCH', path: '/v2/images/{image_id}', rule: rules.MODIFY_IMAGE, status: 200, summary: 'Update image', params: byId, body: t.anything(), accepts: [PATCH_V21, PATCH_V20],
      async handle({ ctx, params, body, headers }) {
        const type = headers['content-type']?.split(';')[0]!.trim().toLowerCase()
        if (type !== PATCH_V21 && type !== PATCH_V20) throw new Fault('unsupportedMediaType', 'glance.patch.type', `Unsupported content type ${type ?? ''}. It may be ${PATCH_V20} or ${PATCH_V21}.`)
        return view(await images.update(ctx, params.image_id, readPatch(body, { draft4: type === PATCH_V20, locations: show.locations })))
      },
    }),
    route({
      method: 'DELETE', path: '/v2/images/{image_id}', rule: rules.DELETE_IMAGE, status: 204, summary: 'Delete image', params: byId,
      handle: async ({ ctx, params }) => images.remove(ctx, params.image_id),
    }),
    route({
      method: 'PUT', path: '/v2/images/{image_id}/tags/{tag}', rule: rules.MODIFY_IMAGE, status: 204, summary: 'Add image tag', params: byTag,
      handle: async ({ ctx, params }) => images.addTag(ctx, params.image_id, params.tag),
    }),
    route({
      method: 'DELETE', path: '/v2/images/{image_id}/tags/{tag}', rule: rules.MODIFY_IMAGE, status: 204, summary: 'Delete image tag', params: byTag,
      handle: async ({ ctx, params }) => images.removeTag(ctx, params.image_id, params.tag),
    }),
    route({
      method: 'POST', path: '/v2/images/{image_id}/actions/deactivate', rule: rules.DEACTIVATE, status: 204, summary: 'Deactivate image', params: byId,
      handle: async ({ ctx, params }) => images.deactivate(ctx, params.image_id),
    }),
    route({
      method: 'POST', path: '/v2/images/{image_id}/actions/reactivate', rule: rules.REACTIVATE, status: 204, summary: 'Reactivate image', params: byId,
      handle: async ({ ctx, params }) => images.reactivate(ctx, params.image_id),
    }),
  ]
}

/** An image as clients see it: attributes over properties, so that no property can pose as one. */
function view({ image, stores, locations, directUrl }: Stored) {
  return {
    ...image.properties,
    id: image.id, name: image.name, status: image.status, visibility: image.visibility, owner: image.owner, protected: image.isProtected, os_hidden: image.hidden,
    disk_format: image.diskFormat, container_format: image.containerFormat, min_ram: image.minRam, min_disk: image.minDisk,
    size: image.size, virtual_size: image.virtualSize, checksum: image.checksum, os_hash_algo: image.hashAlgo, os_hash_value: image.hashValue, tags: image.tags,
    created_at: isoTime(image.createdAt), updated_at: isoTime(image.updatedAt), ...(stores.length > 0 && { stores: stores.join(',') }),
    ...(locations && { locations }), ...(directUrl !== undefined && { direct_url: directUrl }),
    self: `/v2/images/${image.id}`, file: `/v2/images/${image.id}/file`, schema: '/v2/schemas/image',
  }
}

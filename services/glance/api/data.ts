// The bytes of images: /v2/images/{image_id}/file, /stage.
import { Fault } from '@alto/kit/errors'
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { DataManager, UploadOptions } from '../manager/data.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/images.ts'

const byId = t.object({ image_id: t.id() })
const BYTES = 'application/octet-stream'
type Headers = Readonly<Record<string, string | undefined>>

/** The routes of images' bytes. */
export function dataRoutes(data: DataManager): AnyRoute[] {
  return [
    route({
      method: 'PUT', path: '/v2/images/{image_id}/file', rule: rules.UPLOAD_IMAGE, status: 204, summary: 'Upload binary image data', params: byId, body: 'stream', accepts: [BYTES],
      handle: async ({ ctx, params, stream, headers }) => data.upload(ctx, params.image_id, stream, announced(headers)),
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}/file', rule: rules.DOWNLOAD_IMAGE, status: 200, summary: 'Download binary image data', params: byId,
      async handle({ ctx, params, headers, url }) {
        const prefer = (url.searchParams.get('prefer') ?? '').split(',').map(store => store.trim()).filter(Boolean)
        const found = await data.download(ctx, params.image_id, { range: headers['range'], prefer })
        if (!found) return answer(undefined, { status: 204 })
        const { bytes, image, size, range } = found
        if (!range) return answer(bytes, { headers: { 'content-type': BYTES, 'content-length': String(size), ...(image.checksum !== null && { 'content-md5': image.checksum }) } })
        return answer(bytes, { status: 206, headers: { 'content-type': BYTES, 'content-length': String(range.end - range.start + 1), 'content-range': `bytes ${range.start}-${range.end}/${size}` } })
      },
    }),
    route({
      method: 'PUT', path: '/v2/images/{image_id}/stage', rule: rules.UPLOAD_IMAGE, status: 204, summary: 'Stage binary image data', params: byId, body: 'stream', accepts: [BYTES],
      handle: async ({ ctx, params, stream, headers }) => data.stage(ctx, params.image_id, stream, announced(headers)),
    }),
  ]
}

/** What the request's headers say of the bytes that follow. Throws Fault('badRequest') for a size that is none. */
function announced(headers: Headers): UploadOptions {
  const size = headers['x-openstack-image-size'] ?? headers['content-length']
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw invalid('data.announced', `The size of the data is announced as ${size}. It must be an integer of 0 or more.`)
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') throw new Fault('unsupportedMediaType', 'glance.data.encoding', `Content encoding ${headers['content-encoding']} is not accepted. Send the bytes as they are.`)
  return { promised: size === undefined ? undefined : Number(size), storeId: headers['x-image-meta-store'] }
}

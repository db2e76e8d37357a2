// /v2/images/{image_id}/locations.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { LocationManager } from '../manager/locations.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/locations.ts'

const byId = t.object({ image_id: t.id() })
const ALGORITHMS = ['sha1', 'sha256', 'sha512', 'md5']

/** The routes of locations. */
export function locationRoutes(locations: LocationManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2/images/{image_id}/locations', rule: rules.ADD_IMAGE_LOCATION, status: 202, summary: 'Add Location', params: byId,
      body: t.open({ url: t.string({ max: 65_535 }), validation_data: t.optional(t.object({ os_hash_algo: t.optional(t.string({ max: 64 })), os_hash_value: t.optional(t.string({ max: 128 })) })) }),
      async handle({ ctx, params, body }) {
        const { os_hash_algo: hashAlgo, os_hash_value: hashValue } = body.validation_data ?? {}
        if (hashAlgo !== undefined && !ALGORITHMS.includes(hashAlgo)) throw invalid('locations.algorithm', `Provided object does not match schema 'location': '${hashAlgo}' is not one of ${JSON.stringify(ALGORITHMS)}`)
        if ((hashAlgo === undefined) !== (hashValue === undefined)) throw invalid('locations.hash', "Provided object does not match schema 'location': os_hash_algo and os_hash_value depend on each other")
        await locations.add(ctx, params.image_id, { url: body.url, validation: hashAlgo === undefined || hashValue === undefined ? undefined : { hashAlgo, hashValue } })
        return answer(undefined, { status: 202 })
      },
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}/locations', rule: rules.FETCH_IMAGE_LOCATION, status: 200, summary: 'Get Location', params: byId,
      handle: async ({ ctx, params }) => locations.list(ctx, params.image_id),
    }),
  ]
}

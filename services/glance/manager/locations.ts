// The locations API (2.17): a location for a queued image, which a task looks at and hashes; and the list of an image's locations.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { originOf } from '@alto/kit/task'
import { invalid, refused } from '../model/faults.ts'
import { LOCK, withoutUser } from '../model/imports.ts'
import { checkHash, isLocatable, type Location, type ValidationData } from '../model/locations.ts'
import * as rules from '../policy/locations.ts'
import * as images from '../store/images.ts'
import * as imports from '../store/imports.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'
import { LOCATION_ADD } from './kinds.ts'
import { mayFetch, placesOf, storeOfUrls } from './places.ts'
import { insertRecord, newRecord } from './task-records.ts'
import { imageFor, targetOf, visibleImage } from './visible.ts'

export type LocationManager = ReturnType<typeof locationManager>

/** The use cases of the locations API. */
export function locationManager(deps: Deps) {
  const { db, queue, stores, fetcher } = deps

  /** Throws what keeps the caller from adding a location to the image. */
  async function allowed(tx: Tx, ctx: Context, id: string, url: string): Promise<void> {
    const seen = await visibleImage(tx, ctx, id)
    const { status } = seen.image
    ctx.authorize(rules.ADD_IMAGE_LOCATION, targetOf(seen))
    if (status !== 'queued') throw new Fault('conflict', 'glance.locations.state', `It's not allowed to add locations if image status is ${status}.`)
    if (!storeOfUrls(stores) || !isLocatable(url)) throw refused('locations.store', 'http store must be enabled to use location API by normal user.')
  }

  return {
    /** Begins to add a location. `validation`: what its bytes are said to be. */
    async add(ctx: Context, id: string, { url, validation }: { url: string, validation: ValidationData | undefined }): Promise<void> {
      await db.read(tx => allowed(tx, ctx, id, url))
      if (validation) checkHash(validation)
      if (!await mayFetch(fetcher, url)) throw invalid('locations.filter', `URI for add location does not pass filtering: ${withoutUser(url)}`)
      const said = validation && { os_hash_algo: validation.hashAlgo, os_hash_value: validation.hashValue }
      await db.write(async tx => {
        await allowed(tx, ctx, id, url)
        const record = newRecord(deps, ctx, { type: 'location_import', imageId: id, input: { image_id: id, loc_url: url, validation_data: said ?? {} } })
        const busy = () => new Fault('conflict', 'glance.locations.busy', `New operation on image '${id}' is not permitted as prior operation is still in progress`)
        if (!await imports.setMarks(tx, id, ['queued'], {})) throw busy()                     // whoever takes the image meanwhile comes before or after
        if ((await images.find(tx, id))?.properties[LOCK] !== undefined) throw busy()
        await imports.setMarks(tx, id, ['queued'], { lock: record.id })
        await insertRecord(deps, tx, record)
        await queue.enqueue(tx, LOCATION_ADD, { resourceId: id, input: { recordId: record.id, url, validation: validation ?? null, hash: deps.options.doSecureHash }, origin: originOf(ctx) })
      })
    },

    /** Where the image's bytes are, for services. */
    async list(ctx: Context, id: string): Promise<Location[]> {
      return db.read(async tx => {
        await imageFor(tx, ctx, rules.FETCH_IMAGE_LOCATION, id)
        return (await placesOf(deps, tx, id)).map(({ url, metadata }) => ({ url, metadata }))
      })
    },
  }
}

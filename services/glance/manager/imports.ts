// Importing: what is asked for is checked, the image is taken, and a task does the rest.
import type { Context } from '@alto/kit/context'
import { Fault, isFault } from '@alto/kit/errors'
import { originOf } from '@alto/kit/task'
import type { RemoteFacts } from '../driver/remote-glance.ts'
import { invalid } from '../model/faults.ts'
import { ATTRIBUTES, type Image } from '../model/images.ts'
import { FAILED, mayImport, storesOf, withoutUser, type ImportRequest, type RemoteImage } from '../model/imports.ts'
import type { TaskRecord, TaskType } from '../model/tasks.ts'
import { COPY_IMAGE, GET_IMAGE, MODIFY_IMAGE } from '../policy/images.ts'
import * as blobs from '../store/blobs.ts'
import * as images from '../store/images.ts'
import * as imports from '../store/imports.ts'
import type { Tx } from '../store/tables.ts'
import * as tasks from '../store/tasks.ts'
import type { Deps } from './deps.ts'
import { IMAGE_IMPORT, IMAGE_STOP } from './kinds.ts'
import { heldTo, hold } from './limits.ts'
import { endRecord, insertRecord, newRecord, tellOfChanged } from './task-records.ts'
import { imageFor, targetOf, visibleImage } from './visible.ts'

/** What is imported where, and how that is told in the task's record. */
export interface ImportOrder {
  request: ImportRequest
  /** X-Image-Meta-Store. */
  header: string | undefined
  record: { type: TaskType, input: Readonly<Record<string, unknown>> }
}

export type ImportManager = ReturnType<typeof importManager>

/** The use cases of imports. */
export function importManager(deps: Deps) {
  const { db, clock, queue, fetcher, options } = deps

  /** The image and its wanted stores, when the caller may import it so; no stores when there is nothing to do. */
  async function allowed(tx: Tx, ctx: Context, id: string, { request, header }: ImportOrder): Promise<{ image: Image, stores: string[] }> {
    const seen = await visibleImage(tx, ctx, id)
    ctx.authorize(request.method === 'copy-image' ? COPY_IMAGE : MODIFY_IMAGE, targetOf(seen))       // before the image's state, which upstream tells first
    mayImport(seen.image, request)
    const stores = storesOf(request, header, deps.stores.all.filter(store => request.stores !== undefined || header !== undefined || !store.isReadOnly).map(store => store.id))
    if (request.method !== 'copy-image') return { image: seen.image, stores }
    const there = (await blobs.listOf(tx, id, ['kept'])).map(blob => blob.store)
    const twice = request.allStores ? undefined : stores.find(store => there.includes(store))
    if (twice !== undefined) throw invalid('import.there', `Image is already present at store '${twice}'`)
    return { image: seen.image, stores: stores.filter(store => !there.includes(store)) }
  }

  /** Takes the image, so that no other import and no upload does; throws Fault('conflict') when something has it. */
  async function take(tx: Tx, image: Image, lock: string, stores: readonly string[]): Promise<void> {
    const busy = () => new Fault('conflict', 'glance.import.busy', 'Image has active task')
    const failed = (image.properties[FAILED] ?? '').split(',').filter(store => store !== '' && !stores.includes(store))
    if (!await imports.setMarks(tx, image.id, [image.status], {}) || await imports.lockOf(tx, image.id) !== undefined) throw busy()
    await imports.setMarks(tx, image.id, [image.status], { lock, importing: stores, failed })
    if (image.status !== 'active' && !await images.move(tx, image.id, [image.status], 'importing', { updated_at: clock.now() })) throw busy()
  }

  return {
    /** Begins an import and gives the record of its task; undefined when there is nothing to do. Throws Faults for what keeps it from beginning. */
    async start(ctx: Context, id: string, order: ImportOrder): Promise<TaskRecord | undefined> {
      const { request } = order
      const { uri, method, remote, allMustSucceed } = request
      if ((await db.read(tx => allowed(tx, ctx, id, order))).stores.length === 0 && request.allStores) return undefined
      if (method === 'web-download') await checkUri(uri)
      const { found, refusal } = remote ? await lookedUp(remote, ctx.token ?? '') : {}
      const held = await heldTo(deps, ctx)
      return db.write(async tx => {
        const { image, stores } = await allowed(tx, ctx, id, order)
        await hold(tx, held, { image_size_total: 0 })
        const staged = method === 'glance-direct' ? (await blobs.findOf(tx, id, ['staged']))?.id : undefined
        if (method === 'glance-direct' && staged === undefined) throw new Fault('conflict', 'glance.import.state', "Image needs to be staged before 'glance-direct' method can be used")
        const { type, input } = order.record
        const record = newRecord(deps, ctx, { type, imageId: id, input: type === 'api_image_import' ? { image_id: id, import_req: input, backend: stores } : input })
        await take(tx, image, record.id, stores)
        const origin = originOf(ctx)
        await insertRecord(deps, tx, record)
        await tellOfChanged(deps, tx, { resourceId: id, origin }, ['image.update'])
        await queue.enqueue(tx, IMAGE_IMPORT, {
          resourceId: id, origin,
          input: { recordId: record.id, method, uri: uri ?? null, remote: found ?? null, refusal: refusal ?? null, stores, allMustSucceed, from: image.status, staged: staged ?? null, inject: method === 'copy-image' ? {} : { ...broughtAlong(found?.properties ?? {}), ...injected(ctx.credentials.roles) } },
        })
        return record
      })
    },

    /** The tasks of an image that the caller may know of. */
    async tasksOf(ctx: Context, id: string): Promise<TaskRecord[]> {
      return db.read(async tx => {
        try {
          await imageFor(tx, ctx, GET_IMAGE, id)
        } catch (cause) {
          throw new Fault('notFound', 'glance.image.notFound', 'The resource could not be found.', { cause })
        }
        return tasks.listOf(tx, id, clock.now())
      })
    },
  }

  async function checkUri(uri: string | undefined): Promise<void> {
    try {
      await fetcher.check(uri ?? '')
    } catch (cause) {
      throw new Fault('badRequest', 'glance.import.uri', `URI for web-download does not pass filtering: ${withoutUser(uri ?? 'None')}`, { cause })
    }
  }

  /** A remote image as the user sees it, or why there is none: upstream tells that in the task, not at once. */
  async function lookedUp(remote: RemoteImage, token: string): Promise<{ found?: RemoteFacts | undefined, refusal?: string }> {
    try {
      return { found: await deps.remotes?.find(remote, token) }
    } catch (error) {
      if (!isFault(error)) throw error
      return { refusal: error.message }
    }
  }

  /** Those properties of a remote image that its copy here has too. */
  function broughtAlong(properties: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(properties).filter(([name]) => !ATTRIBUTES.includes(name) && !name.startsWith('os_glance') && options.glanceDownloadExtraProperties.some(start => name.startsWith(start))))
  }

  /** The properties that an import of a user with these roles adds. */
  function injected(roles: readonly string[]): Record<string, string> {
    if (!options.imageImportPlugins.includes('inject_image_metadata') || roles.some(role => options.injectIgnoreUserRoles.includes(role))) return {}
    const pairs = options.injectMetadata.map(text => [text.slice(0, text.indexOf(':')).trim(), text.slice(text.indexOf(':') + 1).trim()] as const)
    return Object.fromEntries(pairs.filter(([name]) => name !== '' && !name.startsWith('os_glance')))
  }
}

/** Ends the import of an image that is being deleted, in the transaction that has deleted it: what works on it stops, what it made goes, and its record says why. */
export async function stopImport(deps: Deps, tx: Tx, image: Image): Promise<void> {
  const lock = await imports.lockOf(tx, image.id)
  if (lock === undefined) return
  await endRecord(deps, tx, lock, { message: 'Image has been deleted, aborting import.' })
  await deps.queue.enqueue(tx, IMAGE_STOP, { resourceId: image.id, input: { imageId: image.id } })
}

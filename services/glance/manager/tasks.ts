// The tasks API: what administrators see of all tasks, and the old way to import by one.
import type { Context } from '@alto/kit/context'
import type { Page } from '@alto/kit/db'
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import { isUuid } from '@alto/kit/ids'
import { invalid } from '../model/faults.ts'
import { withoutUser } from '../model/imports.ts'
import type { TaskListing, TaskRecord, TaskType } from '../model/tasks.ts'
import { TASKS_API_ACCESS } from '../policy/tasks.ts'
import * as tasks from '../store/tasks.ts'
import type { Deps } from './deps.ts'
import { tellOfTask } from './events.ts'
import type { ImageManager } from './images.ts'
import type { ImportManager } from './imports.ts'
import { expiryOf, insertRecord, newRecord } from './task-records.ts'

export type TaskManager = ReturnType<typeof taskManager>

/** The use cases of tasks. */
export function taskManager(deps: Deps, images: ImageManager, imports: ImportManager) {
  const { db, clock, fetcher } = deps

  /** The record of a task that fails at once. */
  async function failing(ctx: Context, type: TaskType, input: TaskRecord['input'], message: string): Promise<TaskRecord> {
    const record: TaskRecord = { ...newRecord(deps, ctx, { type, imageId: null, input }), status: 'failure', message, expiresAt: expiryOf(deps) }
    await db.write(tx => insertRecord(deps, tx, record))
    for (const status of ['processing', 'failure'] as const) tellOfTask(deps, `task.${status}`, { ...record, status })
    return record
  }

  return {
    /**
     * Makes an image and imports it from a URL (type `import`). The other types are Glance's own: a task of theirs fails, as no image waits for it.
     * Throws Fault('badRequest') for a URL that is not fetched; what else is wrong is told in the record.
     */
    async create(ctx: Context, type: TaskType, input: Readonly<Record<string, unknown>> | null): Promise<TaskRecord> {
      ctx.authorize(TASKS_API_ACCESS, { project_id: ctx.credentials.projectId ?? null })
      if (type !== 'import') return failing(ctx, type, input, missingOf(type, input) ?? 'The task does not have its image.')
      const uri = await checked(input?.['import_from'])
      const missing = missingOf(type, input)
      if (missing !== undefined) return failing(ctx, type, input, missing)
      try {
        const { image } = await images.create(ctx, { container_format: 'bare', disk_format: 'qcow2', ...input!['image_properties'] as Record<string, unknown> })
        const request = { method: 'web-download', uri, remote: undefined, stores: undefined, allStores: false, allMustSucceed: true } as const
        return (await imports.start(ctx, image.id, { request, header: undefined, record: { type, input: input! } }))!
      } catch (error) {
        if (!isFault(error)) throw error
        return failing(ctx, type, input, messageOf(error))
      }
    },

    async show(ctx: Context, id: string): Promise<TaskRecord> {
      ctx.authorize(TASKS_API_ACCESS, { project_id: ctx.credentials.projectId ?? null })
      const found = await db.read(tx => tasks.find(tx, id, clock.now()))
      if (!found) throw new Fault('notFound', 'glance.task.notFound', `Could not find task ${id}`)
      return found
    },

    async list(listing: TaskListing): Promise<Page<TaskRecord>> {
      const now = clock.now()
      return db.read(async tx => {
        const { marker } = listing
        const found = marker === undefined ? undefined : await tasks.find(tx, marker, now)
        if (marker !== undefined && !found) throw invalid('task.marker', isUuid(marker) ? `Task with the given id ${marker} was not found` : 'Invalid marker format')
        return tasks.list(tx, listing, found, now)
      })
    },

    /** Tasks are not deleted: they expire. */
    refuseDelete(ctx: Context): void {
      ctx.authorize(TASKS_API_ACCESS, { project_id: ctx.credentials.projectId ?? null })
    },
  }

  /** The URL of a legacy import, when it may be fetched. */
  async function checked(uri: unknown): Promise<string> {
    if (typeof uri !== 'string' || uri === '') throw invalid('task.uri', `Invalid location: ${uri === undefined || uri === null ? 'None' : JSON.stringify(uri).slice(0, 120)}`)
    if (/^(file|filesystem):\/\/\//.test(uri)) throw invalid('task.uri', 'File based imports are not allowed. Please use a non-local source of image data.')
    if (!/^https?:\/\//.test(uri)) throw invalid('task.uri', "The given uri is not valid. Please specify a valid uri from the following list of supported uri ['http']")
    try {
      await fetcher.check(uri)
    } catch (cause) {
      throw new Fault('badRequest', 'glance.task.uri', `URI for legacy import task does not pass filtering: ${withoutUser(uri)}`, { cause })
    }
    return uri
  }
}

const NEEDED: Readonly<Record<TaskType, readonly string[]>> = {
  import: ['import_from', 'import_from_format', 'image_properties'], api_image_import: ['image_id'], location_import: ['image_id', 'loc_url', 'validation_data'],
}

/** What a task's input lacks, as a sentence; undefined when it lacks nothing. */
function missingOf(type: TaskType, input: Readonly<Record<string, unknown>> | null): string | undefined {
  if (type !== 'import' && (input === null || Object.keys(input).length === 0)) return `Input to ${type} task is empty.`
  const missing = NEEDED[type].find(key => !Object.hasOwn(input ?? {}, key))
  if (missing !== undefined) return type === 'api_image_import' ? `Missing required '${missing}' field` : `Input does not contain '${missing}' field`
  if (type === 'import' && (typeof input?.['image_properties'] !== 'object' || input['image_properties'] === null || Array.isArray(input['image_properties']))) return "'image_properties' must be an object"
  return undefined
}

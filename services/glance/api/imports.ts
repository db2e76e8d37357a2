// /v2/images/{image_id}/import, and the tasks that came of it; which methods there are.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { ImportManager } from '../manager/imports.ts'
import { readImport } from '../model/imports.ts'
import type { TaskRecord } from '../model/tasks.ts'
import { DEFAULT } from '../policy/base.ts'
import * as rules from '../policy/images.ts'

const byId = t.object({ image_id: t.id() })

/** The routes of imports. `methods`: those that are enabled. */
export function importRoutes(imports: ImportManager, methods: readonly string[]): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2/images/{image_id}/import', rule: rules.MODIFY_IMAGE, actionRules: [rules.COPY_IMAGE], status: 202, summary: 'Import an image', params: byId,
      body: t.map(t.anything(), { max: 100, keyMax: 255 }),
      async handle({ ctx, params, body, headers }) {
        await imports.start(ctx, params.image_id, { request: readImport(body, methods), header: headers['x-image-meta-store'], record: { type: 'api_image_import', input: body } })
      },
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}/tasks', rule: rules.GET_IMAGE, status: 200, summary: 'Show tasks associated with image', params: byId,
      handle: async ({ ctx, params }) => ({ tasks: (await imports.tasksOf(ctx, params.image_id)).map(view) }),
    }),
    route({
      method: 'GET', path: '/v2/info/import', rule: DEFAULT, status: 200, summary: 'Import methods and values discovery',
      async handle({ ctx }) {
        ctx.authorize(DEFAULT, {})
        return { 'import-methods': { description: 'Import methods available.', type: 'array', value: methods } }
      },
    }),
  ]
}

/** A record as upstream shows it here, where it is the row and not the task's view. */
function view(task: TaskRecord) {
  return {
    id: task.id, type: task.type, status: task.status, owner: task.owner, expires_at: task.expiresAt === null ? null : time(task.expiresAt), created_at: time(task.createdAt), updated_at: time(task.updatedAt),
    deleted_at: null, deleted: false, image_id: task.imageId, request_id: task.requestId, user_id: task.userId, input: task.input, result: task.result, message: task.message,
  }
}

/** `2026-01-31T12:00:00.000000` of milliseconds. */
function time(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000')
}

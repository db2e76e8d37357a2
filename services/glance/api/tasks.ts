// /v2/tasks, which administrators use, and its schemas.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import { linkWith } from '@alto/kit/openstack'
import type { TaskManager } from '../manager/tasks.ts'
import { invalid } from '../model/faults.ts'
import { isoTime } from '../model/images.ts'
import { UUID_PATTERN } from '../model/properties.ts'
import { TASK_COLUMNS, TASK_STATUSES, TASK_TYPES, type TaskListing, type TaskRecord } from '../model/tasks.ts'
import { DEFAULT } from '../policy/base.ts'
import { TASKS_API_ACCESS } from '../policy/tasks.ts'

const byId = t.object({ task_id: t.id() })
const NO_DELETE = 'This operation is currently not permitted on Glance Tasks. They are auto deleted after reaching the time based on their expires_at property.'

/** The routes of tasks. `limits`: tasks on a page. */
export function taskRoutes(tasks: TaskManager, limits: { otherwise: number, most: number }): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2/tasks', rule: TASKS_API_ACCESS, status: 201, summary: 'Create task', body: t.map(t.anything(), { max: 100, keyMax: 255 }),
      async handle({ ctx, body }) {
        ctx.authorize(TASKS_API_ACCESS, { project_id: ctx.credentials.projectId ?? null })
        for (const name of ['type', 'input']) if (!(name in body)) throw invalid('task.required', `Task '${name}' is required`)
        const type = TASK_TYPES.find(one => one === body['type'])
        if (type === undefined) throw invalid('task.type', `Provided object does not match schema 'task': ${JSON.stringify(body['type']).slice(0, 120)} is not one of ${TASK_TYPES.join(', ')}`)
        const input = body['input']
        if (typeof input !== 'object' || Array.isArray(input)) throw invalid('task.input', "Provided object does not match schema 'task': 'input' must be an object or null")
        const made = await tasks.create(ctx, type, input as Readonly<Record<string, unknown>> | null)
        return answer(whole(made), { headers: { location: `${ctx.baseUrl}/v2/tasks/${made.id}` } })
      },
    }),
    route({
      method: 'GET', path: '/v2/tasks', rule: TASKS_API_ACCESS, status: 200, summary: 'List tasks',
      async handle({ ctx, url }) {
        ctx.authorize(TASKS_API_ACCESS, { project_id: ctx.credentials.projectId ?? null })
        const listing = readTaskListing(url.searchParams, limits)
        const { rows } = await tasks.list(listing)
        const last = rows.length === listing.limit ? rows.at(-1) : undefined                  // as upstream: a full page has a next one
        return { tasks: rows.map(stub), first: linkWith('/v2/tasks', url, { marker: undefined }), schema: '/v2/schemas/tasks', ...(last && { next: linkWith('/v2/tasks', url, { marker: last.id }) }) }
      },
    }),
    route({
      method: 'GET', path: '/v2/tasks/{task_id}', rule: TASKS_API_ACCESS, status: 200, summary: 'Show task details', params: byId,
      handle: async ({ ctx, params }) => whole(await tasks.show(ctx, params.task_id)),
    }),
    route({
      method: 'DELETE', path: '/v2/tasks/{task_id}', rule: TASKS_API_ACCESS, status: 405, summary: 'Delete task (never permitted)', params: byId,
      async handle({ ctx }) {
        tasks.refuseDelete(ctx)
        return answer(NO_DELETE, { status: 405, headers: { allow: 'GET', 'content-type': 'text/plain; charset=UTF-8' } })
      },
    }),
    ...[{ name: 'task', schema: TASK_SCHEMA }, { name: 'tasks', schema: LIST_SCHEMA }].map(({ name, schema }) => route({
      method: 'GET', path: `/v2/schemas/${name}`, rule: DEFAULT, status: 200, summary: `Show ${name} schema`,
      async handle({ ctx }) {
        ctx.authorize(DEFAULT, {})
        return schema
      },
    })),
  ]
}

function readTaskListing(query: URLSearchParams, { otherwise, most }: { otherwise: number, most: number }): TaskListing {
  const limit = query.get('limit')
  if (limit !== null && !/^-?\d{1,15}$/.test(limit)) throw invalid('task.limit', 'limit param must be an integer')
  if (Number(limit) < 0) throw invalid('task.limit', 'limit param must be positive')
  const key = query.get('sort_key') ?? 'created_at'
  const column = TASK_COLUMNS.find(one => one === key)
  if (column === undefined) throw invalid('task.sort', 'Sort key supplied was not valid.')
  const direction = query.get('sort_dir') ?? 'desc'
  if (direction !== 'asc' && direction !== 'desc') throw invalid('task.sort', `Invalid sort direction: ${direction.slice(0, 120)}`)
  const of = <One extends string>(name: string, values: readonly One[]): One | undefined => {
    const asked = query.get(name)
    if (asked === null || asked === '') return undefined
    const found = values.find(one => one === asked)
    if (found === undefined) throw invalid(`task.${name}`, `Invalid ${name} value: ${asked.slice(0, 120)}`)
    return found
  }
  const [status, type, owner, id, imageId] = [of('status', TASK_STATUSES), of('type', ['import']), query.get('owner'), query.get('id'), query.get('image_id')]
  return {
    limit: Math.min(most, limit === null ? otherwise : Number(limit)), marker: query.get('marker') ?? undefined, sort: { column, direction },
    filters: { ...(status && { status }), ...(type && { type }), ...(owner !== null && { owner }), ...(id !== null && { id }), ...(imageId !== null && { image_id: imageId }) },
  }
}

/** A task in a list. */
function stub(task: TaskRecord) {
  return {
    id: task.id, type: task.type, status: task.status, owner: task.owner, created_at: isoTime(task.createdAt), updated_at: isoTime(task.updatedAt), self: `/v2/tasks/${task.id}`, schema: '/v2/schemas/task',
    ...(task.expiresAt !== null && { expires_at: isoTime(task.expiresAt) }),
  }
}

/** A task by itself. */
function whole(task: TaskRecord) {
  return {
    ...stub(task), input: task.input, message: task.message, result: task.result,
    ...(task.imageId !== null && { image_id: task.imageId }), ...(task.requestId !== null && { request_id: task.requestId }), ...(task.userId !== null && { user_id: task.userId }),
  }
}

const text = (description: string) => ({ description, type: 'string' })
const STUB = {
  id: { description: 'An identifier for the task', pattern: UUID_PATTERN, type: 'string' },
  type: { description: 'The type of task represented by this content', enum: TASK_TYPES, type: 'string' },
  status: { description: 'The current status of this task', enum: TASK_STATUSES, type: 'string' },
  owner: text('An identifier for the owner of this task'),
  image_id: text('Image associated with the task'),
  request_id: text('Human-readable informative request-id'),
  user_id: text('User associated with the task'),
  expires_at: { description: 'Datetime when this resource would be subject to removal', type: ['null', 'string'] },
  created_at: text('Datetime when this resource was created'),
  updated_at: text('Datetime when this resource was updated'),
  self: { readOnly: true, type: 'string' },
  schema: { readOnly: true, type: 'string' },
} as const
const TASK_SCHEMA = {
  name: 'task',
  properties: {
    ...STUB, input: { description: 'The parameters required by task, JSON blob', type: ['null', 'object'] }, result: { description: 'The result of current task, JSON blob', type: ['null', 'object'] },
    message: text('Human-readable informative message only included when appropriate (usually on failure)'),
  },
} as const
const LIST_SCHEMA = {
  name: 'tasks',
  properties: { tasks: { type: 'array', items: { name: 'task', properties: STUB } }, schema: { type: 'string' } },
  links: [{ rel: 'describedby', href: '{schema}' }],
} as const

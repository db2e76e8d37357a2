// A cloud of three rooms for the tests of tasks: servers in a database of ours, ports and allocations in services beyond it.
import { ManualClock } from '../../clock/index.ts'
import { type Database, openSqlite, migrate, type Migration } from '../../db/index.ts'
import { Fault } from '../../errors/index.ts'
import { seededIds } from '../../ids/index.ts'
import { memoryLog } from '../../log/index.ts'
import { type Definition, task, taskKind, taskMigrations, TaskQueue, TaskRunner, type TaskRunnerOptions, type TaskShape, type TaskTables } from '../index.ts'

export interface CloudTables extends TaskTables {
  servers: { id: string, status: string, reason: string | null, observed: string | null }
}

export const schema: readonly Migration[] = [
  ...taskMigrations, { id: '0001-servers', up: ['create table servers (id text primary key, status text not null, reason text, observed text)'] },
]

/** A service that answers a repeated create with the first answer, and removes what it has. */
export class Elsewhere {
  readonly #prefix: string
  readonly rows = new Map<string, { id: string, serverId: string, key: string }>()
  creates = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  async create(serverId: string, key: string): Promise<{ id: string }> {
    const known = this.rows.values().find(row => row.key === key)
    if (known) return { id: known.id }
    const id = `${this.#prefix}${++this.creates}`
    this.rows.set(id, { id, serverId, key })
    return { id }
  }

  async remove(id: string): Promise<void> {
    if (!this.rows.delete(id)) throw new Fault('notFound', 'elsewhere.notFound', `${id} could not be found`)
  }

  async removeOf(serverId: string): Promise<void> {
    for (const row of this.rows.values()) if (row.serverId === serverId) this.rows.delete(row.id)
  }
}

export interface Create extends TaskShape {
  tables: CloudTables
  input: { flavor: string }
  got: { port: { id: string }, claim: { id: string }, running: void }
}
export const CREATE = taskKind<Create['input']>('server.create')
export const DELETE = taskKind('server.delete', { preempts: true })

interface Delete extends TaskShape {
  tables: CloudTables
  got: { gone: void, forgotten: void }
}

/** Makes a port, claims, and waits until the guest is seen running. */
export function createTask(ports: Elsewhere, claims: Elsewhere): Definition<CloudTables, Create['input']> {
  return task<Create>({
    kind: CREATE,
    deadlineMs: 300_000,
    steps: [
      { name: 'port', do: t => ports.create(t.resourceId, t.key('port')), undo: t => ports.removeOf(t.resourceId) },
      { name: 'claim', do: t => claims.create(t.resourceId, t.key('claim')), undo: async t => t.got.claim ? claims.remove(t.got.claim.id) : claims.removeOf(t.resourceId) },
      {
        name: 'running', undo: 'nothing',
        do: t => t.write(async tx => {
          const { observed } = await tx.selectFrom('servers').selectAll().where('id', '=', t.resourceId).executeTakeFirstOrThrow()
          if (observed !== 'running') return t.wait({ reason: `the guest on ${t.got.port.id} does not run yet` })
          await tx.updateTable('servers').set({ status: 'ACTIVE' }).where('id', '=', t.resourceId).execute()
          return undefined
        }),
      },
    ],
    async onFailed(tx, { resourceId, failure }) {
      await tx.updateTable('servers').set({ status: 'ERROR', reason: failure.message }).where('id', '=', resourceId).execute()
    },
  })
}

/** Removes what a server has, then its row. */
export function deleteTask(ports: Elsewhere, claims: Elsewhere): Definition<CloudTables> {
  return task<Delete>({
    kind: DELETE,
    deadlineMs: 300_000,
    forwardOnly: true,
    steps: [
      { name: 'gone', do: async t => { await ports.removeOf(t.resourceId); await claims.removeOf(t.resourceId) } },
      { name: 'forgotten', do: async t => { await t.write(tx => tx.deleteFrom('servers').where('id', '=', t.resourceId).execute()) } },
    ],
    async onFailed(tx, { resourceId, failure }) {
      await tx.updateTable('servers').set({ status: 'ERROR', reason: failure.message }).where('id', '=', resourceId).execute()
    },
  })
}

/** A cloud with a hand-held clock; `runner` makes (another life of) the process that runs its tasks. */
export class ExampleCloud implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly log = memoryLog()
  readonly ids = seededIds('example')
  readonly ports = new Elsewhere('port')
  readonly claims = new Elsewhere('claim')
  readonly queue = new TaskQueue({ clock: this.clock, ids: this.ids })
  readonly db: Database<CloudTables>
  readonly #runners: TaskRunner<CloudTables>[] = []

  readonly #close: () => Promise<void>

  private constructor(db: Database<CloudTables>, close: () => Promise<void>) {
    this.db = db
    this.#close = close
  }

  /** On `db`, which stays open, or on a database in memory of its own. */
  static async open(db?: Database<CloudTables>): Promise<ExampleCloud> {
    const own = db ?? openSqlite<CloudTables>(':memory:')
    const cloud = new ExampleCloud(own, db ? async () => {} : () => own.close())
    await migrate(own, schema, cloud.clock)
    return cloud
  }

  /** Starts a runner; its tasks are those of the example and `definitions`. Its leases outlast the long strides of a test's clock. */
  async runner(options: Partial<TaskRunnerOptions<CloudTables>> = {}): Promise<TaskRunner<CloudTables>> {
    const { db, clock, ids, queue, log } = this
    const runner = new TaskRunner<CloudTables>({
      db, clock, ids, queue, log, host: 'here', definitions: [createTask(this.ports, this.claims), deleteTask(this.ports, this.claims)], leaseMs: 30_000, ...options,
    })
    this.#runners.push(runner)
    await runner.start()
    return runner
  }

  /** What the API does for `POST /servers`. */
  async create(id: string): Promise<string> {
    return this.db.write(async tx => {
      await tx.insertInto('servers').values({ id, status: 'BUILD', reason: null, observed: null }).execute()
      return this.queue.enqueue(tx, CREATE, { resourceId: id, input: { flavor: 'm1.nano' }, origin: { requestId: 'req-1' } })
    })
  }

  /** What the API does for `DELETE /servers/{id}`. */
  async delete(id: string): Promise<string> {
    return this.db.write(tx => this.queue.enqueue(tx, DELETE, { resourceId: id, input: {} }))
  }

  /** What the agent's report does. */
  async observe(id: string, observed: string): Promise<void> {
    await this.db.write(async tx => {
      await tx.updateTable('servers').set({ observed }).where('id', '=', id).execute()
      await this.queue.ring(tx, id)
    })
  }

  /** Status and reason of a server; undefined when it is gone. */
  async server(id: string): Promise<{ status: string, reason: string | null } | undefined> {
    const row = await this.db.read(tx => tx.selectFrom('servers').select(['status', 'reason']).where('id', '=', id).executeTakeFirst())
    return row && { ...row }
  }

  /** The server that each port and allocation is for. */
  elsewhere(): { ports: string[], claims: string[] } {
    return { ports: [...this.ports.rows.values()].map(row => row.serverId), claims: [...this.claims.rows.values()].map(row => row.serverId) }
  }

  /** Kind and outcome of every task, in order. */
  async tasks(): Promise<string[]> {
    const rows = await this.db.read(tx => tx.selectFrom('tasks').select(['kind', 'outcome']).orderBy('created_at').orderBy('sequence').execute())
    return rows.map(row => `${row.kind} ${row.outcome ?? 'open'}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const runner of this.#runners) await runner.stop()
    await this.#close()
  }
}

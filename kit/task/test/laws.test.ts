// The laws hold for the example, and each finds the task that breaks it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OpenWorld, TASK_LAWS, testTaskLaws } from '../../testing/task-laws.ts'
import type { Definition } from '../index.ts'
import { type CloudTables, createTask, deleteTask, ExampleCloud } from './example.ts'

/** A world in which `define`'s task runs; its guests are seen running as soon as nobody is busy. */
function world(define: (cloud: ExampleCloud) => Definition<CloudTables>): OpenWorld<CloudTables> {
  return async () => {
    const cloud = await ExampleCloud.open()
    const definition = define(cloud)
    const deletes = definition.kind.name === 'server.delete'
    if (deletes) {
      await using runner = await cloud.runner()
      await cloud.create('s1')
      await cloud.observe('s1', 'running')
      await runner.idle()
    }
    const { db, clock, ids, queue } = cloud
    return {
      db, clock, ids, queue, definition,
      async begin() { await (deletes ? cloud.delete('s1') : cloud.create('s1')); return 's1' },
      async turn() { await cloud.observe('s1', 'running') },
      async seen() { return { server: await cloud.server('s1'), ...cloud.elsewhere() } },
      async left() { return cloud.elsewhere() },
      async reason() {
        const server = await cloud.server('s1')
        return server ? server.reason ?? undefined : null
      },
      [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
    }
  }
}

testTaskLaws('server.create', world(cloud => createTask(cloud.ports, cloud.claims)))
testTaskLaws('server.delete', world(cloud => deleteTask(cloud.ports, cloud.claims)))

/** The example's create with its first step changed. */
const withPort = (change: (cloud: ExampleCloud) => Partial<Definition<CloudTables>['steps'][number]>) => world(cloud => {
  const create = createTask(cloud.ports, cloud.claims)
  return { ...create, steps: [{ ...create.steps[0]!, ...change(cloud) }, ...create.steps.slice(1)] }
})
let calls = 0
const BROKEN: readonly { readonly law: number, readonly what: string, readonly open: OpenWorld<CloudTables>, readonly message: RegExp }[] = [
  { law: 0, what: 'a create without an idempotency key', open: withPort(cloud => ({ do: () => cloud.ports.create('s1', `${calls++}`) })), message: /doing port twice made a difference/ },
  { law: 1, what: 'a create without an idempotency key', open: withPort(cloud => ({ do: () => cloud.ports.create('s1', `${calls++}`) })), message: /a crash at afterDo of port made a difference/ },
  { law: 2, what: 'a step without undo', open: withPort(() => ({ undo: 'nothing' })), message: /left something behind/ },
  {
    law: 2, what: 'an undo that trusts in the record', message: /failing at afterDo of port left something behind/,
    open: withPort(cloud => ({ undo: async t => { const { got } = t as { got: { port?: { id: string } } }; if (got.port) await cloud.ports.remove(got.port.id) } })),
  },
  {
    law: 2, what: 'a failure that nobody is told', message: /the resource shows no error/,
    open: world(cloud => ({ ...createTask(cloud.ports, cloud.claims), async onFailed() {} })),
  },
  {
    law: 3, what: 'an undo that takes from others when it is repeated', message: /left something behind/,
    open: withPort(cloud => ({ undo: async () => { if (cloud.ports.rows.size === 0) cloud.ports.rows.set('x', { id: 'x', serverId: 's2', key: '' }); else cloud.ports.rows.clear() } })),
  },
  { law: 4, what: 'a step without undo', open: withPort(() => ({ undo: 'nothing' })), message: /a delete at .* found something left behind/ },
]
for (const { law, what, open, message } of BROKEN) {
  test(`the law that ${TASK_LAWS[law]!.title} finds ${what}`, async () => {
    await assert.rejects(TASK_LAWS[law]!.holds(open), error => error instanceof assert.AssertionError && message.test(error.message))
  })
}

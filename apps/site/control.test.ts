// The control socket of a running process: what it answers to what is no command, and that nothing sent to it ends the process.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { Fault } from '@alto/kit/errors'
import { memoryLog } from '@alto/kit/log'
import { stayAlive } from '@alto/kit/testing'
import { askControl, serveControl, type Commands } from './control.ts'

const COMMANDS: Commands = {
  status: async input => ({ pid: 1, input }),
  audit: async () => { throw new Fault('conflict', 'test.no', 'Not now.') },
}

/** A process that serves them. */
async function served(undo: AsyncDisposableStack) {
  const run = await mkdtemp(join(tmpdir(), 'alto-control-'))
  undo.defer(() => rm(run, { recursive: true }))
  const log = memoryLog()
  const control = await serveControl(run, COMMANDS, log)
  undo.defer(() => control.close())
  const post = async (path: string, body: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number, body: unknown }>()
    request({ socketPath: join(run, 'control.sock'), path, method: 'POST' }, response => {
      text(response).then(words => resolve({ status: response.statusCode!, body: JSON.parse(words) as unknown }), reject)
    }).on('error', reject).end(body)
    return promise
  }
  return { run, log, post }
}

test('a command is answered, and what is none is told which there are', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { run, post } = await served(undo)
  assert.deepEqual(await askControl(run, 'status', { some: 'thing' }), { pid: 1, input: { some: 'thing' } })
  assert.deepEqual(await post('/status', ''), { status: 200, body: { pid: 1, input: {} } })
  await assert.rejects(askControl(run, 'audit'), { code: 'control.refused', message: 'Not now.' })
  for (const none of ['restart', 'constructor']) await assert.rejects(askControl(run, none), { code: 'control.refused', message: `This process does not know the command ${none}: it knows status, audit.` })
})

test('what is no JSON object is a bad request, and the process goes on', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const { run, post } = await served(undo)
  for (const body of ['{', '[1]', '7', 'null']) assert.deepEqual(await post('/status', body), { status: 400, body: { message: 'What a command is given is a JSON object.' } })
  assert.deepEqual(await askControl(run, 'status'), { pid: 1, input: {} })
})

test('a connection that cannot be accepted is logged and ends nothing', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const made: Server[] = []
  const notice = (message: unknown) => { made.push((message as { server: Server }).server) }
  subscribe('tracing:net.server.listen:asyncEnd', notice)
  undo.defer(() => { unsubscribe('tracing:net.server.listen:asyncEnd', notice) })
  const { run, log } = await served(undo)
  for (let n = 0; n < 2; n++) made[0]!.emit('error', new Error('accept EMFILE'))
  assert.deepEqual(log.lines.map(line => [line.level, line.message, line.fields['reason']]), Array.from({ length: 2 }, () => ['error', 'the control socket failed to accept a connection', 'accept EMFILE']))
  assert.deepEqual(await askControl(run, 'status'), { pid: 1, input: {} })
})

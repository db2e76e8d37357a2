import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock/index.ts'
import { daemonOf, endProcess, identify, isAlive, processesWith } from './process.ts'

test('a daemon is known by its pidfile only while its own arguments name that file', async t => {
  const dir = await mkdtemp(join(tmpdir(), 'alto-process-'))
  t.after(() => rm(dir, { recursive: true }))
  const pidfile = join(dir, 'd.pid')
  const daemon = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)', '--', `--pid-file=${pidfile}`], { stdio: 'ignore' })
  t.after(() => daemon.kill('SIGKILL'))
  await once(daemon, 'spawn')
  assert.equal(await daemonOf(pidfile), undefined, 'no file yet')
  await writeFile(pidfile, `${process.pid}\n`)
  assert.equal(await daemonOf(pidfile), undefined, 'the file names a process that is somebody else')
  await writeFile(pidfile, `${daemon.pid}\n`)

  const found = await daemonOf(pidfile)
  assert.equal(found?.pid, daemon.pid)
  assert.deepEqual((await processesWith(pidfile)).map(p => p.pid), [daemon.pid])

  await endProcess(found!, systemClock)
  assert.equal(await isAlive(found!), false)
  assert.equal(await daemonOf(pidfile), undefined)
})

test('a pid that was given out again is not the same process', async () => {
  const me = (await identify(process.pid))!
  assert.equal(await isAlive(me), true)
  assert.equal(await isAlive({ ...me, startTicks: me.startTicks - 1 }), false)
})

test('a process that ignores SIGTERM is killed after its grace', async t => {
  const stubborn = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1e9)'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => stubborn.kill('SIGKILL'))
  await once(stubborn.stdout, 'data')
  const identity = (await identify(stubborn.pid!))!
  await endProcess(identity, systemClock, 50)
  assert.equal(await isAlive(identity), false)
})

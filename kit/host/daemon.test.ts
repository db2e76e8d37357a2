import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../clock/index.ts'
import { isFault } from '../errors/index.ts'
import { endProcess, processesWith, startDaemon } from './index.ts'

test('a daemon leads its own session, and its end and last words are told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'alto-daemon-'))
  try {
    const words = join(dir, 'words')
    const failing = await startDaemon(['sh', '-c', 'echo first; echo last >&2; exit 3'], { words })
    assert.match((await failing.ended).message, /^sh ended with 3: last$/)
    await startDaemon(['sleep', '3600.25'], { words })
    const [daemon] = await processesWith('3600.25')
    assert.ok(daemon)
    const stat = (await readFile(`/proc/${daemon.pid}/stat`, 'utf8')).split(') ')[1]!.split(' ')
    assert.equal(Number(stat[3]), daemon.pid)                                 // the session's id is its own
    await endProcess(daemon, systemClock)
    await assert.rejects(startDaemon(['no-such-program'], { words }), error => isFault(error, 'host.commandMissing'))
  } finally {
    await rm(dir, { recursive: true })
  }
})

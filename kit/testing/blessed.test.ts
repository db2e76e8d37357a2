import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { contract } from '../rpc/index.ts'
import { assertBlessed } from './blessed.ts'

interface Bell { ring(request: { id: string }): Promise<void> }
interface LouderBell extends Bell { toll(request: { times: number }): Promise<void> }

test('a contract is held to what was blessed, and a newer one to all that was blessed before it', async t => {
  const path = await mkdtemp(join(tmpdir(), 'alto-blessed-'))
  t.after(() => rm(path, { recursive: true }))
  const directory = pathToFileURL(`${path}/`)
  const bell = contract<Bell>('bell', '1.0', { ring: { kind: 'cast', since: '1.0' } })
  const louder = contract<LouderBell>('bell', '1.1', { ring: { kind: 'cast', since: '1.0' }, toll: { kind: 'call', since: '1.1' } })
  const broken = contract<LouderBell>('bell', '1.1', { ring: { kind: 'call', since: '1.0' }, toll: { kind: 'call', since: '1.1' } })

  await assert.rejects(assertBlessed(bell, directory), /bell 1\.0 is not blessed/)
  process.env['ALTO_BLESS'] = '1'
  try {
    await assertBlessed(bell, directory)
    await assert.rejects(assertBlessed(broken, directory), /bell 1\.1 broke 'ring' of 1\.0/)
    await rm(join(path, 'bell-1.1.json'))
    await assertBlessed(louder, directory)
  } finally {
    delete process.env['ALTO_BLESS']
  }
  await assertBlessed(bell, directory)
  await assertBlessed(louder, directory)
  await assert.rejects(assertBlessed(broken, directory), /bell 1\.1 is not what was blessed/)
})

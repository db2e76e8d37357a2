// Limits of commands: what reads files that strangers made ends before it takes the host's processors, memory or disks.
import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandHost } from './index.ts'

test('a command ends when it has used the processor for as long as it may', async () => {
  await assert.rejects(commandHost.run([process.execPath, '-e', 'for (;;);'], { deadline: 30_000, limits: { cpuSeconds: 1 } }), { code: 'host.commandFailed' })
})

test('a command gets no more memory than it may have', async () => {
  const fill = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=256M', 'count=1', 'status=none'] as const
  await commandHost.run(fill, { limits: { memoryBytes: 2 ** 30 } })
  await assert.rejects(commandHost.run(fill, { limits: { memoryBytes: 2 ** 26 } }), { code: 'host.commandFailed' })
})

test('a command writes no file that is larger than it may be', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-limits-'))
  try {
    const path = join(directory, 'file')
    await assert.rejects(commandHost.run(['dd', 'if=/dev/zero', `of=${path}`, 'bs=64K', 'count=16', 'status=none'], { limits: { fileBytes: 65_536 } }), { code: 'host.commandFailed' })
    assert.equal((await stat(path)).size, 65_536)
  } finally {
    await rm(directory, { recursive: true })
  }
})

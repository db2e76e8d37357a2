// Commands with bytes streaming through them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { isFault } from '../errors/index.ts'
import { stayAlive } from '../testing/index.ts'
import { startPiped } from './index.ts'

test('bytes go in and come out, more than memory would be let hold', async () => {
  const piped = startPiped(['cat'])
  const chunk = Buffer.alloc(1 << 20, 7)
  const sent = (async () => {
    for (let i = 0; i < 32; i++) if (!piped.input.write(chunk)) await once(piped.input, 'drain')
    piped.input.end()
  })()
  let size = 0
  for await (const part of piped.output as AsyncIterable<Buffer>) size += part.length
  await sent
  await piped.ended
  assert.equal(size, 32 << 20)
})

test('the output of a command that fails fails at its end, with its last words and its code', async () => {
  const piped = startPiped(['sh', '-c', 'echo part; echo why >&2; exit 3'])
  await assert.rejects(piped.output.toArray(), error => isFault(error, 'host.commandFailed') && error.message === 'sh ended with 3: why' && error.detail['code'] === 3)
  await assert.rejects(piped.ended, { code: 'host.commandFailed' })
})

test('a command that moves no byte is ended, and so is one whose output nobody wants any more', async () => {
  using _awake = stayAlive()
  await assert.rejects(startPiped(['sleep', '60'], { silentFor: 50 }).ended, { code: 'host.deadline' })
  const endless = startPiped(['yes'])
  for await (const _chunk of endless.output) break
  await assert.rejects(endless.ended, /yes ended with/)
  await assert.rejects(startPiped(['no-such-program']).ended, { code: 'host.commandMissing' })
})

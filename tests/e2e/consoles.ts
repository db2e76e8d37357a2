// A user at a guest's console, with whatever speaks websockets.
import assert from 'node:assert/strict'
import { systemClock } from '@alto/kit/clock'

/** What the console at `url` says until it matches `until`, after `say` was sent; fails with what it said after `seconds`. */
export async function consoleSays(url: string, say: string, until: RegExp, seconds: number): Promise<string> {
  const websocket = new WebSocket(url.replace(/^http/, 'ws'), ['binary'])
  websocket.binaryType = 'arraybuffer'
  let said = ''
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const fail = (why: string) => reject(new assert.AssertionError({ message: `${url.replace(/token=.*/, '')}: ${why}; it said ${JSON.stringify(said)}` }))
  websocket.addEventListener('open', () => { if (say !== '') websocket.send(Buffer.from(say)) })
  websocket.addEventListener('message', ({ data }) => {
    said += Buffer.from(data as ArrayBuffer).toString('latin1')
    if (until.test(said)) resolve(said)
  })
  websocket.addEventListener('close', () => fail('closed'))
  const cancel = systemClock.after(seconds * 1000, () => fail(`not ${until} within ${seconds} s`))
  return promise.finally(() => { cancel(); websocket.close() })
}

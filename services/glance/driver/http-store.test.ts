// The store that is read only: URLs of bytes that somebody else keeps.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { fetcher } from './fetcher.ts'
import { httpStore } from './http-store.ts'

async function web() {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))
  const server = createServer((request, response) => request.url === '/image' ? response.writeHead(200, { 'content-length': bytes.length }).end(bytes) : response.writeHead(404).end()).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const reach = fetcher({ allowedSchemes: [], disallowedSchemes: [], allowedHosts: [], disallowedHosts: [], allowedPorts: [], disallowedPorts: [], allowedRanges: ['127.0.0.1'], idleMs: 5_000, totalMs: 5_000 }, { clock: systemClock })
  return {
    bytes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store: httpStore({ id: 'web' }, reach),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

test('bytes of a URL are read whole and in part, have a size, and stay when they are removed', async () => {
  await using there = await web()
  const { store, bytes, url } = there
  const read = async (range?: { start: number, end: number }) => Buffer.concat(await (await store.read(`${url}/image`, range)).toArray() as Buffer[])
  assert.ok((await read()).equals(bytes))
  assert.ok((await read({ start: 100_000, end: 200_000 })).equals(bytes.subarray(100_000, 200_001)))
  assert.ok((await read({ start: 299_999, end: 299_999 })).equals(bytes.subarray(299_999)))
  await store.remove(`${url}/image`)
  assert.equal(await store.size(`${url}/image`), 300_000)
  assert.deepEqual([await store.size(`${url}/nothing`), await Array.fromAsync(store.names()), store.urlOf(`${url}/image`)], [undefined, [], `${url}/image`])
  await assert.rejects(store.read(`${url}/nothing`), { code: 'glance.store.missing' })
  await assert.rejects(store.write('5e1b0c3a-0000-4000-8000-000000000001'), { code: 'glance.store.readOnly' })
})

test('a URL that may not be fetched is no URL of bytes', async () => {
  await using there = await web()
  for (const url of ['file:///etc/passwd', 'http://127.0.0.2/', 'http://user:word@127.0.0.1/']) {
    await assert.rejects(there.store.read(url), { code: 'glance.store.missing' })
    assert.equal(await there.store.size(url), undefined)
  }
})

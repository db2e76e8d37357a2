// The store that is read only: URLs of bytes that somebody else keeps.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { fetcher } from './fetcher.ts'
import { httpStore } from './http-store.ts'

function reaching() {
  return fetcher({ allowedSchemes: [], disallowedSchemes: [], allowedHosts: [], disallowedHosts: [], allowedPorts: [], disallowedPorts: [], allowedRanges: ['127.0.0.1'], idleMs: 5_000, totalMs: 5_000 }, { clock: systemClock })
}

async function web() {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))
  const server = createServer((request, response) => request.url === '/image' ? response.writeHead(200, { 'content-length': bytes.length }).end(bytes) : response.writeHead(404).end()).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return {
    bytes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store: httpStore({ id: 'web' }, reaching()),
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

test('a part is asked for as a part; of a server that gives another, or none, it is taken out of the whole', async () => {
  const bytes = Buffer.from('0123456789')
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { url, headers: { range } } = request
    asked.push(`${url} ${range ?? 'whole'}`)
    if (range === undefined || url === '/deaf') response.end(bytes)
    else if (url === '/able') response.writeHead(206, { 'content-range': 'bytes 2-4/10', 'content-length': 3 }).end(bytes.subarray(2, 5))
    else if (url === '/other') response.writeHead(206, { 'content-range': 'bytes 0-2/10', 'content-length': 3 }).end(bytes.subarray(0, 3))
    else if (url === '/mute') response.writeHead(206, { 'content-length': 3 }).end(bytes.subarray(2, 5))
    else if (url === '/moved') response.writeHead(302, { location: '/able' }).end()
    else response.writeHead(416).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = httpStore({ id: 'web' }, reaching())
  for (const path of ['/able', '/deaf', '/other', '/mute', '/moved', '/never']) assert.equal(Buffer.concat(await (await store.read(at + path, { start: 2, end: 4 })).toArray() as Buffer[]).toString(), '234', path)
  assert.deepEqual(asked, ['/able bytes=2-4', '/deaf bytes=2-4', '/other bytes=2-4', '/other whole', '/mute bytes=2-4', '/mute whole', '/moved bytes=2-4', '/able bytes=2-4', '/never bytes=2-4', '/never whole'])
  await new Promise(resolve => server.close(resolve))
})

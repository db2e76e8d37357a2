// The stores in Swift and S3, under the suite of all stores, against a real Swift with s3api; and what only they must do.
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { isFault, messageOf } from '@alto/kit/errors'
import { inS3, inSwift, specOf } from '../test/object-stores.ts'
import { storeClient } from './http-client.ts'
import { partedWriter, partSize } from './parts.ts'
import { signed } from './s3-signature.ts'
import { s3Store } from './s3-store.ts'
import { storeConformance } from './store.conformance.ts'
import { swiftStore } from './swift-store.ts'

const KEY = '5e1b0c3a-0000-4000-8000-000000000001'
const parts = { client: storeClient(), clock: systemClock }

// They need ALTO_TEST_SWIFT.
storeConformance('the store in Swift (static large objects)', () => inSwift('slo'))
storeConformance('the store in Swift (dynamic large objects)', () => inSwift('dlo'))
storeConformance('the store in S3', inS3)

test('a request to S3 is signed as in the example of its reference', () => {
  const key = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' }
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const headers = signed({ method: 'GET', url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'), headers: { range: 'bytes=0-9' }, bodyHash: empty }, key, Date.UTC(2013, 4, 24))
  assert.match(headers['authorization']!, /Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41$/)
})

test('parts grow so that 10,000 of them hold any image, and a writer cuts at their ends', async () => {
  assert.deepEqual([1, 2000, 2001, 10_000].map(number => partSize(number, 4)), [4, 4, 8, 64])
  const sent: string[] = []
  const writer = partedWriter({
    send: async (number, part) => { sent.push(`${number}:${Buffer.concat(part).toString()}`) },
    commit: async (rest, count) => { sent.push(`rest after ${count}:${Buffer.concat(rest).toString()}`) },
    abort: async () => { sent.push('aborted') },
  }, 4)
  for (const bytes of ['ab', 'cdef', 'gh']) await writer.write(Buffer.from(bytes))
  await writer.commit()
  await writer.abort()
  assert.deepEqual(sent, ['1:abcd', 'rest after 1:efgh'])
})

async function answering(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const stores = {
  swift: (origin: string, client = parts.client) => swiftStore(specOf(`objects:swift:${origin}/auth/v1.0?user=u&container=c`, 'canary-secret'), { client, clock: systemClock }),
  keystone: (origin: string, client = parts.client) => swiftStore(specOf(`objects:swift:${origin}/v3?user=u&container=c&region=here`, 'canary-secret'), { client, clock: systemClock }),
  s3: (origin: string, client = parts.client) => s3Store(specOf(`objects:s3:${origin}/b?access_key=AK`, 'canary-secret'), { client, clock: systemClock }),
}

for (const [kind, open] of Object.entries(stores)) {
  test(`a store (${kind}) that redirects is not followed, and what is said of a refusal holds no secret`, async () => {
    const asked: string[] = []
    await using server = await answering((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(302, { location: '/elsewhere' }).end('canary-secret')
    })
    await assert.rejects(open(server.origin).read(KEY), (error: Error) => isFault(error) && !JSON.stringify([error, messageOf(error), error.stack]).includes('canary'))
    assert.ok(asked.length > 0 && !asked.includes('/elsewhere'))
  })

  test(`a store (${kind}) that says nothing is given up`, async () => {
    await using server = await answering(() => {})
    await assert.rejects(open(server.origin, storeClient({ silentFor: 50 })).read(KEY), error => isFault(error, 'glance.store.unreachable'))
  })
}

test('a store in Swift of Keystone logs in once, finds its endpoint in the catalog, and logs in again when its token has ended', async () => {
  const asked: string[] = []
  let tokens = 0
  await using server = await answering((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-auth-token'] ?? ''}`)
    if (request.method === 'POST') {
      const endpoints = [{ interface: 'public', region: 'there', url: 'http://192.0.2.1/' }, { interface: 'public', region: 'here', url: `${server.origin}/account/` }]
      response.writeHead(201, { 'x-subject-token': `token${++tokens}` }).end(JSON.stringify({ token: { catalog: [{ type: 'object-store', endpoints }] } }))
    } else if (request.headers['x-auth-token'] === 'token1' && asked.length > 2) {
      response.writeHead(401).end()
    } else {
      response.writeHead(200, { 'content-length': '5' }).end(request.method === 'HEAD' ? undefined : 'bytes')
    }
  })
  const store = stores.keystone(server.origin)
  assert.deepEqual([await store.size(KEY), await store.size(KEY)], [5, 5])
  assert.deepEqual(asked, [
    'POST /v3/auth/tokens ', `HEAD /account/c/${KEY} token1`, `HEAD /account/c/${KEY} token1`, 'POST /v3/auth/tokens ', `HEAD /account/c/${KEY} token2`,
  ])
})

test('an upload to S3 whose completion failed after its 200 is no upload', async () => {
  await using server = await answering((request, response) => {
    const url = new URL(request.url ?? '', 'http://s3')
    request.resume()
    if (request.method === 'HEAD') return response.writeHead(404).end()
    if (request.method === 'DELETE') return response.writeHead(204).end()
    if (request.method === 'POST' && url.searchParams.has('uploads')) return response.end('<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>')
    if (request.method === 'POST') return response.end('<Error><Code>InternalError</Code></Error>')
    return response.writeHead(200, { etag: '"e"' }).end('<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>')
  })
  const writer = await stores.s3(server.origin).write(KEY)
  for (let i = 0; i < 17; i++) await writer.write(Buffer.alloc(1024 * 1024))
  await assert.rejects(writer.commit(), (error: Error) => isFault(error, 'glance.store.answer') && error.message.endsWith('InternalError'))
  await writer.abort()
})

test('a store that answers in another protocol does not answer', async () => {
  await using server = await answering((_, { socket }) => { socket!.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n') })
  await assert.rejects(storeClient()({ method: 'GET', url: new URL(server.origin), headers: {} }), error => isFault(error, 'glance.store.unreachable'))
})

// Signatures of requests: versions 0, 1 and 2 and those of object stores against what was worked out apart from this code, version 4 against aws4.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { validityOf, validityOfText, type SignedRequest } from './signatures.ts'

interface Aws4Request { host: string, path: string, method: string, service: string, region: string, headers: Record<string, string | number>, body?: string, signQuery?: boolean }
const aws4 = createRequire(import.meta.url)('aws4') as { sign(request: Aws4Request, keys: { accessKeyId: string, secretAccessKey: string }): Aws4Request }

const SECRET = 'SECRET/canary+1'
const AT = Date.UTC(2026, 0, 1)
const SKEW = 900_000
const NOW = { from: AT - SKEW, until: AT + SKEW }
const QUERY = { Action: 'DescribeInstances', Timestamp: '2026-01-01T00:00:00Z', AWSAccessKeyId: 'AKEY' }
const V0 = { ...QUERY, SignatureVersion: '0' }
const V1 = { ...QUERY, SignatureVersion: '1', aTag: 'x y', Zed: 'é' }
const V2 = { ...QUERY, SignatureVersion: '2', SignatureMethod: 'HmacSHA256', Filter: "a b/*~é!'()", 'z+': '1=2&3' }

const asked = (params: Record<string, string>, signature: string): SignedRequest => ({ params, signature, verb: 'GET', host: 'ec2.example:8773', path: '/services/Cloud', headers: {}, bodyHash: '' })
const OLD: readonly (readonly [string, SignedRequest])[] = [
  ['version 0', asked(V0, 'wii+c5mNd0onFsAlXo987ETI1sU=')],
  ['version 1', asked(V1, 'C6zwegsz628ey6nizAuKxsCSe8M=')],
  ['version 2', asked(V2, '4QjES6cbs20KKzkqMnCsFei0RsuHs8IL23y2Um3b6Es=')],
  ['version 2 of a client that leaves the port out', asked(V2, 'AJV1Hzkzfxyv/4NG9gVy/375PsjQRvDVAQNElJEreAQ=')],
]

test('requests signed with versions 0, 1 and 2 count around the time that they were signed for', () => {
  for (const [what, request] of OLD) assert.deepEqual(validityOf(SECRET, request, SKEW), NOW, what)
  const [, left] = OLD[2]!
  assert.deepEqual(validityOf(SECRET, { ...left, params: { ...left.params, Signature: left.signature } }, SKEW), NOW, 'the signature among the parameters')
})

test('a request that was changed, or signed with another secret, or says no version, does not count', () => {
  for (const [what, request] of OLD) {
    assert.equal(validityOf(`${SECRET}x`, request, SKEW), undefined, what)
    for (const name of ['Action', 'Timestamp']) assert.equal(validityOf(SECRET, { ...request, params: { ...request.params, [name]: `${request.params[name]}1` } }, SKEW), undefined, `${what}: ${name}`)
    for (const signature of ['', 'x', request.signature.toLowerCase(), `${request.signature} `]) assert.equal(validityOf(SECRET, { ...request, signature }, SKEW), undefined, `${what}: ${signature}`)
    const { SignatureVersion: _, ...rest } = request.params
    for (const params of [rest, { ...rest, SignatureVersion: '3' }]) assert.equal(validityOf(SECRET, { ...request, params }, SKEW), undefined, what)
  }
  const [, second] = OLD[2]!
  for (const change of [{ verb: 'POST' }, { host: 'other.example' }, { path: '/' }]) assert.equal(validityOf(SECRET, { ...second, ...change }, SKEW), undefined, JSON.stringify(change))
})

/** What a service that got a request signed by aws4 tells Keystone of it. */
function signedBy4(given: Partial<Aws4Request>): SignedRequest {
  const { headers = {}, body = '', ...rest } = given
  const signed = aws4.sign({ host: 's3.example:8080', path: '/', method: 'GET', service: 'ec2', region: 'RegionOne', ...rest, headers: { ...(!given.signQuery && { 'X-Amz-Date': '20260101T000000Z' }), ...headers }, ...(body !== '' && { body }) }, { accessKeyId: 'AKEY', secretAccessKey: SECRET })
  const url = new URL(signed.path, 'http://any')
  const texts = Object.fromEntries(Object.entries(given.signQuery ? { Host: 's3.example:8080', ...headers } : signed.headers).map(([name, value]) => [name, String(value)]))
  const params = Object.fromEntries(url.searchParams)
  const signature = given.signQuery ? params['X-Amz-Signature']! : /Signature=(\w+)/.exec(texts['Authorization']!)![1]!
  return { signature, verb: signed.method, host: 's3.example:8080', path: url.pathname, params, headers: texts, bodyHash: createHash('sha256').update(body).digest('hex') }
}

test('requests signed with version 4 count: in headers and in the URL, with a body, with parameters and spaces that need care', () => {
  const cases: Record<string, Partial<Aws4Request>> = {
    'plain': {}, 'parameters': { path: "/?Action=Describe&b=%2F%20x&a=1&z=~!'()*&empty=" }, 'a body': { method: 'POST', body: 'Action=Describe', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    'headers': { headers: { 'X-Amz-Meta-A': '  a   b ', 'X-Amz-Target': 'T' } }, 'a presigned URL': { path: '/?Action=Describe&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60', signQuery: true },
  }
  for (const [what, given] of Object.entries(cases)) assert.deepEqual(validityOf(SECRET, signedBy4(given), SKEW), NOW, what)
})

test('a request of version 4 that was changed does not count', () => {
  const request = signedBy4({ path: '/?a=1', method: 'PUT', body: 'x' })
  const authorization = request.headers['Authorization']!
  const header = (headers: Record<string, string>) => ({ headers: { ...request.headers, ...headers } })
  const changes: Partial<SignedRequest>[] = [
    { verb: 'GET' }, { path: '/b' }, { params: { a: '2' } }, { params: {} }, { bodyHash: 'e3' }, header({ Host: 'other' }), { signature: '0'.repeat(64) },
    header({ 'X-Amz-Date': '20260101T000001Z' }), header({ 'X-Amz-Date': '20260102T000000Z' }), header({ Authorization: authorization.replace('RegionOne', 'RegionTwo') }),
    header({ Authorization: authorization.replace('SignedHeaders=', 'Headers=') }), header({ Authorization: authorization.replace(/Credential=[^,]*/, 'Credential=AKEY') }), header({ Authorization: 'Basic x' }),
  ]
  assert.deepEqual(validityOf(SECRET, request, SKEW), NOW)
  for (const change of changes) assert.equal(validityOf(SECRET, { ...request, ...change }, SKEW), undefined, JSON.stringify(change))
  assert.equal(validityOf('other', request, SKEW), undefined)
})

test('the time is the one that was signed: one beside it does not make an old request new', () => {
  const request = signedBy4({})
  assert.deepEqual(validityOf(SECRET, { ...request, verb: 'GET', headers: { ...request.headers, Timestamp: '2027-01-01T00:00:00Z' } }, SKEW), NOW)
  const posted = signedBy4({ method: 'POST', body: 'x' })
  assert.deepEqual(validityOf(SECRET, { ...posted, params: { Timestamp: '2027-01-01T00:00:00Z' } }, SKEW), NOW)
})

const HASH = createHash('sha256').update('canonical').digest('hex')
const text4 = `AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/RegionOne/s3/aws4_request\n${HASH}`

test('texts of object stores count: of version 4 as long as a URL may be presigned, of version 2 around their date or until their end', () => {
  const valid = (signature: string, text: string) => validityOfText(SECRET, { signature, text: Buffer.from(text) }, SKEW)
  assert.deepEqual(valid('23f65b74a25690ae0f9ac7ccd6ec0981b7ffa5687ee5479e946e355c431a8131', text4), { from: NOW.from, until: NOW.until + 7 * 86_400_000 })
  assert.deepEqual(valid('sRMaD5yStKOCJyd2HxXwuZTFsGs=', 'GET\n\n\nThu, 01 Jan 2026 00:00:00 GMT\n/bucket/key'), NOW)
  assert.deepEqual(valid('6L0HdXaLxnKtHMG9yXNfEzonUww=', 'PUT\n\ntext/plain\n\nx-amz-date:Thu, 01 Jan 2026 00:00:00 GMT\n/bucket/key'), NOW)
  assert.deepEqual(valid('RJ2kOxjVzy1gHv/p8CUK8rHu/bw=', 'GET\n\n\n1767225600\n/bucket/key'), { from: 0, until: AT })
  for (const text of [text4.replace('s3', 'ec2'), text4.replace('aws4_request', 'aws5'), text4.replace('20260101/', '20260102/'), `${text4}\nmore`, text4.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1'), '', 'GET', 'AWS4']) {
    assert.equal(valid('23f65b74a25690ae0f9ac7ccd6ec0981b7ffa5687ee5479e946e355c431a8131', text), undefined, text)
  }
  assert.equal(valid('sRMaD5yStKOCJyd2HxXwuZTFsGs=', 'GET\n\n\nThu, 01 Jan 2026 00:00:01 GMT\n/bucket/key'), undefined)
})

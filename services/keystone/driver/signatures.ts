// Requests that were signed with an EC2 key pair: is the signature right, and when was it made?
//
// What is verified is a description of the request, as the service that got it writes it down (Heat's and Nova's EC2 APIs, Swift's S3 API):
// method, host, path, parameters, headers, and the hash of the body. Versions 0, 1 and 2 sign the parameters (AWS's Query API), 4 a canonical
// form of the whole (AWS Signature Version 4), S3 whatever text its service says was signed.
// The time of a signature is only taken from what the signature covers: a time beside it could be made new again for every replay (OSSA-2020-003).
import { createHash, createHmac } from 'node:crypto'
import { isSame } from './secrets.ts'

/** A signed request, as it is described to Keystone. */
export interface SignedRequest {
  signature: string
  verb: string
  host: string
  path: string
  params: Readonly<Record<string, string>>
  headers: Readonly<Record<string, string>>
  /** Hexadecimal SHA-256 of the body; version 4 only. */
  bodyHash: string
}

/** A text that an object store says was signed. */
export interface SignedText {
  signature: string
  text: Buffer
}

/** When a request was signed: from and until when (ms) the signature may count. */
export interface Validity {
  from: number
  until: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
const SERVICES_OF_S3 = ['s3', 'iam', 'sts']
const LONGEST_PRESIGNED = 7 * 24 * 3_600_000

/** When the request counts for one who allows `skew` ms; undefined when `secret` did not sign it so, or its time is missing or no time. Clients that leave the port out of what they sign are understood. */
export function validityOf(secret: string, request: SignedRequest, skew: number): Validity | undefined {
  const version = request.params['SignatureVersion']
  const hosts = [request.host, request.host.replace(/:\d+$/, '')]
  const right = (sign: (host: string) => string | undefined) => hosts.map(host => isSame(sign(host), request.signature)).includes(true)
  switch (version) {
    case '0': return right(() => base64('sha1', secret, `${request.params['Action']}${request.params['Timestamp']}`)) ? around(request.params['Timestamp'], skew) : undefined
    case '1': return right(() => base64('sha1', secret, Object.entries(unsigned(request.params)).toSorted(([a], [b]) => compare(a.toLowerCase(), b.toLowerCase())).flat().join(''))) ? around(request.params['Timestamp'], skew) : undefined
    case '2': return right(host => base64('sha256', secret, [request.verb, host, request.path, canonicalQuery({ ...request.params, SignatureMethod: 'HmacSHA256' })].join('\n'))) ? around(request.params['Timestamp'], skew) : undefined
    default: return version === undefined && right(host => version4(secret, request, host)) ? around(authOf(request)?.date, skew) : undefined
  }
}

/**
 * The same for the text of an object store. Version 4 texts do not say how long a presigned URL holds, and the store looks at that itself:
 * so such a text counts for the 7 days that a URL may be presigned for. Texts of version 2 have a date, or the second in which they end.
 */
export function validityOfText(secret: string, { signature, text }: SignedText, skew: number): Validity | undefined {
  const lines = text.toString('utf8').split('\n')
  if (lines[0]!.startsWith('AWS4')) {
    const [algorithm, date = '', scope = '', ...hash] = lines
    const [day = '', region = '', service = '', end, ...more] = scope.split('/')
    if (algorithm !== ALGORITHM || hash.length !== 1 || end !== 'aws4_request' || more.length > 0 || !SERVICES_OF_S3.includes(service) || !date.startsWith(day)) return undefined
    const at = around(date, skew)
    return at && isSame(createHmac('sha256', signingKey(secret, [day, region, service])).update(text).digest('hex'), signature) ? { from: at.from, until: at.until + LONGEST_PRESIGNED } : undefined
  }
  if (!isSame(createHmac('sha1', secret).update(text).digest('base64'), signature)) return undefined
  const date = lines[3] ?? ''
  if (/^\d{1,12}$/.test(date)) return { from: 0, until: Number(date) * 1000 }
  return around(date || lines.find(line => line.startsWith('x-amz-date:'))?.slice('x-amz-date:'.length), skew)
}

function version4(secret: string, request: SignedRequest, host: string): string | undefined {
  const auth = authOf(request)
  if (!auth) return undefined
  const [, day = '', region = '', service = '', end] = auth.credential.split('/')
  if (end !== 'aws4_request' || day === '' || !auth.date.startsWith(day)) return undefined
  const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase().trim(), value.trim().replaceAll(/\s+/g, ' ')]))
  if (headers.get('host') === request.host) headers.set('host', host)
  const signed = auth.signedHeaders.split(';').filter(name => headers.has(name)).map(name => `${name}:${headers.get(name)}\n`)
  const query = request.verb.toUpperCase() === 'POST' ? '' : canonicalQuery(unsigned(request.params))
  const canonical = [request.verb.toUpperCase(), request.path, query, signed.join(''), auth.signedHeaders, request.bodyHash].join('\n')
  const text = [ALGORITHM, auth.date, [day, region, service, end].join('/'), createHash('sha256').update(canonical).digest('hex')].join('\n')
  return createHmac('sha256', signingKey(secret, [day, region, service])).update(text).digest('hex')
}

interface Version4 { credential: string, signedHeaders: string, date: string }

/** What the Authorization header says of a version 4 signature, or the parameters of a presigned URL. */
function authOf({ params, headers }: SignedRequest): Version4 | undefined {
  const named = (name: string) => Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  const header = named('authorization')
  const date = named('x-amz-date') ?? params['X-Amz-Date']
  if (date === undefined) return undefined
  if (header?.startsWith(ALGORITHM)) {
    const part = (name: string) => new RegExp(`[ ,]${name}=([^,]*)`).exec(header)?.[1]?.trim()
    const [credential, signedHeaders] = [part('Credential'), part('SignedHeaders')]
    return credential === undefined || signedHeaders === undefined ? undefined : { credential, signedHeaders, date }
  }
  const [credential, signedHeaders] = [params['X-Amz-Credential'], params['X-Amz-SignedHeaders']]
  return params['X-Amz-Algorithm'] !== ALGORITHM || credential === undefined || signedHeaders === undefined ? undefined : { credential, signedHeaders, date }
}

function signingKey(secret: string, scope: readonly string[]): Buffer {
  return [...scope, 'aws4_request'].reduce((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`AWS4${secret}`))
}

/** Parameters by name, all but RFC 3986's unreserved characters escaped. */
function canonicalQuery(params: Readonly<Record<string, string>>): string {
  return Object.entries(unsigned(params)).toSorted(([a], [b]) => compare(a, b)).map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&')
}

/** The parameters without the signature, when the service left that in. */
function unsigned(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => name !== 'Signature' && name !== 'X-Amz-Signature'))
}

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function base64(hash: string, secret: string, text: string): string {
  return createHmac(hash, secret).update(text).digest('base64')
}

/** `skew` before and after a time as clients write it: 2026-01-01T00:00:00Z, 20260101T000000Z, or as HTTP does. UTC when it names no zone. */
function around(time: string | undefined, skew: number): Validity | undefined {
  if (time === undefined) return undefined
  const short = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z?$/.exec(time)
  const iso = short ? `${short.slice(1, 4).join('-')}T${short.slice(4).join(':')}Z` : /^\d{4}-\d\d-\d\dT[\d:.]+$/.test(time) ? `${time}Z` : time
  const at = Date.parse(iso)
  return Number.isNaN(at) ? undefined : { from: at - skew, until: at + skew }
}

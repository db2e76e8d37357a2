// Signing of requests to S3: AWS Signature Version 4, as "Authenticating Requests (Authorization Header)" of the S3 API reference has it.
import { createHash, createHmac } from 'node:crypto'

/** Whose signature. */
export interface S3Key { accessKey: string, secretKey: string, region: string }

/** What is signed. `bodyHash`: the SHA-256 of the body, hexadecimal. */
export interface Signable { method: string, url: URL, headers: Readonly<Record<string, string>>, bodyHash: string }

/** The request's headers with those that prove who sends it. `now`: milliseconds. */
export function signed({ method, url, headers, bodyHash }: Signable, { accessKey, secretKey, region }: S3Key, now: number): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/s3/aws4_request`
  const all: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': bodyHash, 'x-amz-date': time }
  const names = Object.keys(all).toSorted()
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).toSorted().join('&')
  const canonical = [method, url.pathname, query, ...names.map(name => `${name}:${all[name]!.trim()}`), '', names.join(';'), bodyHash].join('\n')
  const key = [region, 's3', 'aws4_request'].reduce<Buffer>((secret, part) => hmac(secret, part), hmac(`AWS4${secretKey}`, day))
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256([canonical])].join('\n')).toString('hex')
  return { ...all, authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope},SignedHeaders=${names.join(';')},Signature=${signature}` }
}

/** The SHA-256 of the pieces together, hexadecimal. */
export function sha256(pieces: readonly (Uint8Array | string)[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

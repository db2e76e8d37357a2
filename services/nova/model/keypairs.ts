// Key pairs: what a public key must look like, and its fingerprint (RFC 4253 section 6.6, RFC 4716 section 4).
import { createHash } from 'node:crypto'

export interface Keypair {
  readonly id: number
  readonly userId: string
  readonly name: string
  readonly type: 'ssh' | 'x509'
  readonly publicKey: string
  readonly fingerprint: string
  readonly createdAt: number
}

/** The MD5 fingerprint of an OpenSSH public key, as `ab:cd:…`; undefined when the text is none. */
export function fingerprintOf(publicKey: string): string | undefined {
  const [type, encoded] = publicKey.trim().split(/\s+/)
  if (type === undefined || encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  const blob = Buffer.from(encoded, 'base64')
  if (blob.length < 8) return undefined
  const length = blob.readUInt32BE(0)
  if (length !== type.length || blob.subarray(4, 4 + length).toString('latin1') !== type) return undefined
  return createHash('md5').update(blob).digest('hex').match(/../g)!.join(':')
}

/** An RSA public key in OpenSSH's form, from the modulus and exponent of a JSON Web Key. */
export function sshRsa(jwk: { n: string, e: string }, comment: string): string {
  const field = (bytes: Buffer) => { const length = Buffer.alloc(4); length.writeUInt32BE(bytes.length); return Buffer.concat([length, bytes]) }
  const positive = (text: string) => { const bytes = Buffer.from(text, 'base64url'); return bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes }
  return `ssh-rsa ${Buffer.concat([field(Buffer.from('ssh-rsa')), field(positive(jwk.e)), field(positive(jwk.n))]).toString('base64')} ${comment}`
}

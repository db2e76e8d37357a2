// Verifies the signature of an image while its bytes pass, with a certificate of the operator's directory (ID.pem). There is no key manager in this cloud yet.
import { constants, createVerify, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SIGNATURE_HASHES, SIGNATURE_KEYS, signatureOf, unverified } from '../model/signatures.ts'

/** Takes the bytes of one image, in their order. */
export interface Verifier {
  update(bytes: Uint8Array): void
  /** Throws Fault('badRequest', 'glance.signature') when the bytes are not what was signed. */
  finish(): void
}

/**
 * The verifier of an image; undefined for one that is not signed. `directory`: where certificates are.
 * Throws Fault('badRequest', 'glance.signature') for a signature that cannot be verified: its terms or its certificate are not known.
 */
export async function verifierOf({ id, properties }: { id: string, properties: Readonly<Record<string, string>> }, directory: string | null): Promise<Verifier | undefined> {
  const signature = signatureOf(properties)
  if (!signature) return undefined
  const { value, hashMethod, keyType, certificateId } = signature
  const hash = Object.hasOwn(SIGNATURE_HASHES, hashMethod) ? SIGNATURE_HASHES[hashMethod] : undefined
  const wanted = Object.hasOwn(SIGNATURE_KEYS, keyType) ? SIGNATURE_KEYS[keyType] : undefined
  if (!hash) throw unverified(id, `Invalid signature hash method: ${hashMethod.slice(0, 60)}`)
  if (!wanted) throw unverified(id, `Invalid signature key type: ${keyType.slice(0, 60)}`)
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value) || value.trim() === '') throw unverified(id, 'The signature data was not properly encoded using base64')
  const key = await keyOf(id, certificateId, directory)
  if (key.asymmetricKeyType !== wanted.type || (wanted.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== wanted.curve)) throw unverified(id, `Invalid public key type for signature key type: ${keyType}`)
  const verify = createVerify(hash)
  return {
    update(bytes) { verify.update(bytes) },
    finish() {
      const isRight = verify.verify(wanted.type === 'rsa' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO } : key, Buffer.from(value, 'base64'))
      if (!isRight) throw unverified(id, 'the bytes are not what was signed')
    },
  }
}

async function keyOf(id: string, certificateId: string, directory: string | null): Promise<KeyObject> {
  const missing = () => unverified(id, `Certificate not found with ID: ${certificateId.slice(0, 60)}`)
  if (directory === null || !/^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(certificateId)) throw missing()
  const pem = await readFile(join(directory, `${certificateId.toLowerCase()}.pem`), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw missing()
    throw error
  })
  try {
    return new X509Certificate(pem).publicKey
  } catch {
    throw unverified(id, `Certificate ${certificateId} cannot be read`)
  }
}

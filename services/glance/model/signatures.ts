// Signed images: which properties say so, and in which terms. Facts as in the user's guide to image signature verification.
import { Fault } from '@alto/kit/errors'

/** How an image is signed, as its properties say. */
export interface Signature {
  /** Base64. */
  value: string
  hashMethod: string
  keyType: string
  certificateId: string
}

/** Node's names of the hashes. */
export const SIGNATURE_HASHES: Readonly<Record<string, string>> = { 'SHA-224': 'sha224', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }

/** Kinds of keys: what the key of a certificate has to be, and its curve. */
export const SIGNATURE_KEYS: Readonly<Record<string, { type: 'rsa' | 'dsa' | 'ec', curve?: string }>> = {
  'RSA-PSS': { type: 'rsa' }, 'DSA': { type: 'dsa' },
  ...Object.fromEntries(['sect571k1', 'sect409k1', 'sect571r1', 'sect409r1', 'secp521r1', 'secp384r1'].map(curve => [`ECC_${curve.toUpperCase()}`, { type: 'ec' as const, curve }])),
}

/** The signature of an image that has all four properties; others are not signed. */
export function signatureOf(properties: Readonly<Record<string, string>>): Signature | undefined {
  const { img_signature: value, img_signature_hash_method: hashMethod, img_signature_key_type: keyType, img_signature_certificate_uuid: certificateId } = properties
  return value === undefined || hashMethod === undefined || keyType === undefined || certificateId === undefined ? undefined : { value, hashMethod, keyType, certificateId }
}

/** The bytes are not what was signed, or it cannot be told. */
export function unverified(imageId: string, reason: string): Fault {
  return new Fault('badRequest', 'glance.signature', `Signature verification failed for image ${imageId}: Signature verification for the image failed: ${reason}.`)
}

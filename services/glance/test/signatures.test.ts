// Signed images through the API: what was signed comes in, by upload and by import, and nothing else does; with every kind of key.
import assert from 'node:assert/strict'
import { constants, sign } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandHost } from '@alto/kit/host'
import { SIGNATURE_HASHES, SIGNATURE_KEYS } from '../model/signatures.ts'
import { findBroken } from '../store/invariants.ts'
import { glanceAlone, type Cloud } from './cloud.ts'

const directory = await mkdtemp(join(tmpdir(), 'alto-signatures-'))
after(() => rm(directory, { recursive: true }))
const openssl = (...args: string[]) => commandHost.run(['openssl', ...args])
const certificates = new Map<string, { id: string, key: Promise<string> }>()

/** A certificate for a kind of key in the directory: its id and the key, made once. */
async function certificateFor(keyType: string): Promise<{ id: string, key: string }> {
  const known = certificates.get(keyType) ?? { id: `00000000-0000-4000-8000-${String(certificates.size).padStart(12, '0')}`, key: made(keyType, certificates.size) }
  certificates.set(keyType, known)
  return { id: known.id, key: await known.key }
}

async function made(keyType: string, number: number): Promise<string> {
  const { type, curve } = SIGNATURE_KEYS[keyType]!
  const key = join(directory, `key-${number}`)
  if (type === 'rsa') await openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', key)
  else if (type === 'ec') await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-out', key)
  else {
    await openssl('genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt', 'dsa_paramgen_bits:2048', '-pkeyopt', 'dsa_paramgen_q_bits:256', '-out', `${key}.parameters`)
    await openssl('genpkey', '-paramfile', `${key}.parameters`, '-out', key)
  }
  await openssl('req', '-x509', '-new', '-key', key, '-subj', '/CN=signer', '-days', '1', '-out', join(directory, `00000000-0000-4000-8000-${String(number).padStart(12, '0')}.pem`))
  return readFile(key, 'utf8')
}

/** The properties of an image of these bytes. */
async function signed(bytes: string, keyType: string, hashMethod = 'SHA-256') {
  const { id, key } = await certificateFor(keyType)
  const signature = sign(SIGNATURE_HASHES[hashMethod]!, Buffer.from(bytes), keyType === 'RSA-PSS' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN } : key)
  return { img_signature: signature.toString('base64'), img_signature_hash_method: hashMethod, img_signature_key_type: keyType, img_signature_certificate_uuid: id }
}

const glance = () => glanceAlone({ options: { imageSignatureCertificates: directory } })
const me = (cloud: Cloud) => cloud.as('p1:member')
const queued = async (cloud: Cloud, properties: object): Promise<string> => (await me(cloud)('POST', '/v2/images', { body: { disk_format: 'raw', container_format: 'bare', ...properties } })).body.id
const status = async (cloud: Cloud, id: string) => (await me(cloud)('GET', `/v2/images/${id}`)).body.status
const nothing = async (cloud: Cloud) => assert.deepEqual([await Array.fromAsync(cloud.store.names()), await cloud.db.read(findBroken)], [[], []])

test('bytes that are what was signed come in, with every kind of key and every hash; others do not', async () => {
  await using cloud = await glance()
  for (const [keyType, hashMethod] of [...Object.keys(SIGNATURE_KEYS).map(kind => [kind, 'SHA-256'] as const), ...Object.keys(SIGNATURE_HASHES).map(hash => ['RSA-PSS', hash] as const)]) {
    const id = await queued(cloud, await signed('the bytes', keyType, hashMethod))
    const wrong = await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: 'the bytez' })
    assert.deepEqual([wrong.status, cloud.said(wrong), await status(cloud, id)], [400, `Signature verification failed for image ${id}: Signature verification for the image failed: the bytes are not what was signed.`, 'queued'], keyType)
    await nothing(cloud)
    assert.deepEqual([(await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: 'the bytes' })).status, await status(cloud, id)], [204, 'active'], `${keyType} ${hashMethod}`)
    assert.equal((await me(cloud)('DELETE', `/v2/images/${id}`)).status, 204)
  }
})

test('a signature that cannot be verified lets nothing in, and an image that is signed by half is not signed', async () => {
  await using cloud = await glance()
  const good = await signed('the bytes', 'RSA-PSS')
  for (const [properties, because] of [
    [{ ...good, img_signature_hash_method: 'MD5' }, /Invalid signature hash method: MD5/], [{ ...good, img_signature_key_type: 'RSA' }, /Invalid signature key type: RSA/], [{ ...good, img_signature: 'no base64!' }, /base64/], [{ ...good, img_signature: '' }, /base64/],
    [{ ...good, img_signature_certificate_uuid: '11111111-2222-4333-8444-555555555555' }, /Certificate not found/], [{ ...good, img_signature_certificate_uuid: '../key-0' }, /Certificate not found/], [{ ...good, img_signature_key_type: 'DSA' }, /Invalid public key type/],
    [{ ...good, img_signature_key_type: 'constructor' }, /Invalid signature key type/], [await signed('others', 'RSA-PSS'), /not what was signed/],
  ] as const) {
    const id = await queued(cloud, properties)
    const answer = await me(cloud)('PUT', `/v2/images/${id}/file`, { bytes: 'the bytes' })
    assert.deepEqual([answer.status, await status(cloud, id)], [400, 'queued'], String(because))
    assert.match(answer.body, because)
    await nothing(cloud)
  }
  const half = await queued(cloud, { img_signature: 'x', img_signature_key_type: 'RSA-PSS' })
  assert.equal((await me(cloud)('PUT', `/v2/images/${half}/file`, { bytes: 'the bytes' })).status, 204)
})

test('a certificate that is none is no certificate, and without a directory no signed image comes in', async () => {
  const properties = await signed('the bytes', 'RSA-PSS')
  const id = '99999999-0000-4000-8000-000000000000'
  await writeFile(join(directory, `${id}.pem`), 'nonsense')
  await using cloud = await glance()
  assert.match((await me(cloud)('PUT', `/v2/images/${await queued(cloud, { ...properties, img_signature_certificate_uuid: id })}/file`, { bytes: 'the bytes' })).body, /cannot be read/)
  await using without = await glanceAlone()
  assert.equal((await me(without)('PUT', `/v2/images/${await queued(without, properties)}/file`, { bytes: 'the bytes' })).status, 400)
})

test('an import of a signed image is verified before it is kept', async () => {
  await using cloud = await glance()
  for (const [bytes, expected] of [['the bytes', ['success', 'active']], ['the bytez', ['failure', 'queued']]] as const) {
    const id = await queued(cloud, await signed('the bytes', 'ECC_SECP384R1'))
    assert.equal((await me(cloud)('PUT', `/v2/images/${id}/stage`, { bytes })).status, 204)
    assert.equal((await me(cloud)('POST', `/v2/images/${id}/import`, { body: { method: { name: 'glance-direct' } } })).status, 202)
    await cloud.glance.idle()
    const task = (await me(cloud)('GET', `/v2/images/${id}/tasks`)).body.tasks.at(-1)
    assert.deepEqual([task.status, await status(cloud, id)], expected)
    if (task.status === 'failure') assert.match(task.message, /not what was signed/)
  }
})

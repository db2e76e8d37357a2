// Tokens as they are written: encrypted and signed.
import assert from 'node:assert/strict'
import { createHmac, createPublicKey, createSign, generateKeyPairSync, verify, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { seededIds } from '@alto/kit/ids'
import type { TokenPayload } from '../model/tokens/tokens.ts'
import { fernetTokens, signedTokens } from './token-format.ts'

const fixed = <K>(...keys: K[]) => ({ keys, generation: 0, refresh: async () => {} })
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const common = { userId: 'u1', issuedAt: 1_767_225_600_123, expiresAt: 1_767_229_200_000, auditIds: ['a', 'b'], delegation: null }
const PAYLOADS: TokenPayload[] = [
  { ...common, methods: ['password'], scope: null },
  { ...common, methods: ['password', 'token'], scope: { kind: 'project', id: 'p1' } },
  { ...common, methods: ['password', 'totp'], scope: { kind: 'domain', id: 'd1' } },
  { ...common, methods: ['token'], scope: { kind: 'system', id: 'all' } },
  { ...common, methods: ['application_credential'], scope: { kind: 'project', id: 'p1' }, delegation: { kind: 'application_credential', id: 'c1' } },
  { ...common, methods: ['ec2credential'], scope: { kind: 'project', id: 'p1' }, delegation: { kind: 'trust', id: 't1' } },
]

test('what is sealed is opened as it was, by any key that is kept, in both formats', () => {
  const [old, primary] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const [oldPair, newPair] = [pair(), pair()]
  for (const payload of PAYLOADS) {
    assert.deepEqual(fernetTokens(fixed(primary, old), seededIds(1)).open(fernetTokens(fixed(old), seededIds(2)).seal(payload)), payload)
    assert.deepEqual(signedTokens(fixed(newPair, oldPair)).open(signedTokens(fixed(oldPair)).seal(payload)), payload)
    assert.equal(signedTokens(fixed(newPair)).open(signedTokens(fixed(oldPair)).seal(payload)), undefined)
  }
})

test('a signed token is a JWS with ES256 and upstream\'s claims, which anybody with the public key can check', () => {
  const key = pair()
  const [header = '', claims = '', signature = ''] = signedTokens(fixed(key)).seal(PAYLOADS[1]!).split('.')
  assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'ES256', typ: 'JWT' })
  assert.deepEqual(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
    sub: 'u1', iat: 1_767_225_600.123, exp: 1_767_229_200, openstack_methods: ['password', 'token'], openstack_audit_ids: ['a', 'b'], openstack_project_id: 'p1',
  })
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), { key: createPublicKey(key), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
})

test('no token chooses how it is checked, and none that was changed is one', () => {
  const key = pair()
  const format = signedTokens(fixed(key))
  const token = format.seal(PAYLOADS[0]!)
  const [header, claims, signature] = token.split('.')
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const publicText = createPublicKey(key).export({ type: 'spki', format: 'pem' })
  const other = (alg: string, sign: (text: string) => string) => { const text = `${part({ alg, typ: 'JWT' })}.${claims}`; return `${text}.${sign(text)}` }
  const forged: Record<string, string> = {
    'no algorithm': other('none', () => ''),
    'the public key as a secret': other('HS256', text => createHmac('sha256', publicText).update(text).digest('base64url')),
    'another pair': signedWith(pair(), `${header}.${claims}`),
    'other claims': `${header}.${part({ ...JSON.parse(Buffer.from(claims!, 'base64url').toString()), sub: 'u2' })}.${signature}`,
    'no signature': `${header}.${claims}.`, 'no dots': 'gAAAAA', 'four parts': `${token}.x`, 'nothing': '',
  }
  for (const [what, text] of Object.entries(forged)) assert.equal(format.open(text), undefined, what)
  assert.equal(fernetTokens(fixed(Buffer.alloc(32)), seededIds(1)).open(token), undefined)
})

function signedWith(key: KeyObject, text: string): string {
  return `${text}.${createSign('sha256').update(text).sign({ key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

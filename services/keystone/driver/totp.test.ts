// One-time passwords, against the RFCs' own tables.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passcodeAt, seedOf, STEP } from './totp.ts'

const SEED = Buffer.from('12345678901234567890')

test('passcodes are those of RFC 6238, appendix B, and of RFC 4226, appendix D', () => {
  for (const [seconds, passcode] of [[59, '287082'], [1111111109, '081804'], [1111111111, '050471'], [1234567890, '005924'], [2000000000, '279037'], [20000000000, '353130']] as const) {
    assert.equal(passcodeAt(SEED, Math.floor(seconds * 1000 / STEP)), passcode, `${seconds}`)
  }
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(step => passcodeAt(SEED, step)), ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'])
})

test('seeds are read as RFC 4648 writes base32, padded or not', () => {
  for (const [text, base32] of [['f', 'MY======'], ['fo', 'MZXQ===='], ['foo', 'MZXW6==='], ['foob', 'MZXW6YQ='], ['fooba', 'MZXW6YTB'], ['foobar', 'MZXW6YTBOI======'], ['12345678901234567890', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ']] as const) {
    assert.equal(seedOf(base32)?.toString(), text)
    assert.equal(seedOf(base32.replace(/=+$/, ''))?.toString(), text)
  }
  for (const none of ['', '===', 'MY1=', 'mzxw6', 'MZ XW', 'MZXW0']) assert.equal(seedOf(none), undefined, none)
})

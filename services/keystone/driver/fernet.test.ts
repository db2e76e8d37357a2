// Fernet, against the specification's own example and against tampering.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { decrypt, encrypt } from './fernet.ts'

// The example of the specification: secret, time, initialisation vector 0…15, "hello".
const KEY = Buffer.from('cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=', 'base64url')
const TOKEN = 'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA'
const IV = Buffer.from(Array.from({ length: 16 }, (_, i) => i))

test('a token is made and read as the specification shows', () => {
  assert.equal(encrypt(KEY, Buffer.from('hello'), Date.parse('1985-10-26T01:20:00-07:00'), IV), TOKEN)
  assert.equal(decrypt([KEY], `${TOKEN}==`)?.toString(), 'hello')
})

test('a token that was changed in any place, or made by another key, is nothing', () => {
  for (let i = 0; i < TOKEN.length - 1; i++) {
    const changed = TOKEN.slice(0, i) + (TOKEN[i] === 'A' ? 'B' : 'A') + TOKEN.slice(i + 1)
    assert.equal(decrypt([KEY], changed), undefined, `changed at ${i}`)
  }
  assert.equal(decrypt([Buffer.alloc(32)], TOKEN), undefined)
  for (const junk of ['', 'x', '{}', TOKEN.slice(0, 40), 'ä'.repeat(100)]) assert.equal(decrypt([KEY], junk), undefined)
})

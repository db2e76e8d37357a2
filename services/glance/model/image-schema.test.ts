// The operator's file of custom properties: what it says, and what is told of one that makes no sense.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkProperty, checkRequired, readImageSchema, USUAL_SCHEMA } from './image-schema.ts'
import { KNOWN_PROPERTIES } from './properties.ts'

const read = (file: unknown) => readImageSchema(typeof file === 'string' ? file : JSON.stringify(file))

test('a file adds properties to those that every cloud knows, and may say other things of them', () => {
  const tier = { type: 'string', enum: ['gold', 'tin'] }
  const os = { type: 'string', pattern: '^[a-z]+$' }
  assert.deepEqual(read({ tier, os_distro: { ...os, is_base: false } }), { properties: { ...KNOWN_PROPERTIES, tier, os_distro: os }, required: [] })
  assert.deepEqual(read({ properties: { tier }, required: ['tier', 'os_distro'] }), { properties: { ...KNOWN_PROPERTIES, tier }, required: ['tier', 'os_distro'] })
  assert.deepEqual(read('{}').properties, KNOWN_PROPERTIES)
})

for (const [what, file, said] of [
  ['is no JSON', '{', /^it is no JSON: /], ['is a list', [], /^the file must be a JSON object$/], ['has a property that is a text', { tier: 'string' }, /^property "tier" must be a JSON object$/],
  ['names an attribute', { size: { type: 'string' } }, /^property "size" is no custom property: every image has it$/], ['has another type', { tier: { type: 'integer' } }, /^property "tier" has type "integer": it must be "string" or/],
  ['has no type', { tier: {} }, /^property "tier" has type none: /], ['has a member that means nothing', { tier: { type: 'string', enun: [] } }, /^property "tier" has "enun": it may have type, /],
  ['has a bad pattern', { tier: { type: 'string', pattern: '(' } }, /^property "tier" has a "pattern" that is no regular expression: \($/], ['has a bad enum', { tier: { type: 'string', enum: [1] } }, /"enum" that is no list of texts$/],
  ['has a bad length', { tier: { type: 'string', maxLength: '9' } }, /"maxLength" that is no integer$/], ['requires what it does not have', { properties: {}, required: ['tier'] }, /^"required" is \["tier"\]: it must be a list of names/],
] as const) test(`a file that ${what} is refused with what to mend`, () => { assert.throws(() => read(file), { message: said }) })

test('without a file a property that every cloud knows holds what it is for, and any other a text', () => {
  const kernel = '11111111-2222-4333-8444-555555555555'
  for (const [name, value] of [['kernel_id', kernel], ['kernel_id', null], ['colour', ''], ['size', 7], ['locations', []]] as const) checkProperty(USUAL_SCHEMA, name, value)
  for (const [name, value] of [['kernel_id', 'x'], ['architecture', null], ['cinder_encryption_key_deletion_policy', 'never'], ['colour', null], ['colour', 7], ['colour', 'x'.repeat(65_536)]] as const) assert.throws(() => checkProperty(USUAL_SCHEMA, name, value), { code: 'glance.schema' }, name)
})

test('a value is held to what the file says of its property, and others are not', () => {
  const schema = read({ properties: { tier: { type: 'string', enum: ['gold', 'tin'] }, code: { type: ['null', 'string'], minLength: 2, maxLength: 3, pattern: '^\\d+$' } }, required: ['tier'] })
  for (const [name, value] of [['tier', 'gold'], ['code', '12'], ['code', null], ['other', 'x']] as const) checkProperty(schema, name, value)
  for (const [name, value] of [['tier', 'lead'], ['tier', null], ['code', '1'], ['code', '1234'], ['code', 'ab']] as const) assert.throws(() => checkProperty(schema, name, value), { code: 'glance.schema' }, `${name} ${value}`)
  checkRequired(schema, { tier: 'gold' })
  assert.throws(() => checkRequired(schema, { code: '12' }), { code: 'glance.schema', message: /'tier' is a required property$/ })
})

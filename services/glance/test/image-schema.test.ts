// The operator's custom properties through the API: shown to whoever asks what images look like, and held to.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { glanceAlone, patch } from './cloud.ts'

async function fileWith(undo: AsyncDisposableStack, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alto-schema-'))
  undo.defer(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'schema-image.json'), text)
  return join(directory, 'schema-image.json')
}

test('the properties of the operator\'s file are in the schemas, and images are held to them', async () => {
  await using undo = new AsyncDisposableStack()
  const tier = { type: 'string', description: 'What it costs.', enum: ['gold', 'tin'] }
  const cloud = undo.use(await glanceAlone({ options: { imageSchemaFile: await fileWith(undo, JSON.stringify({ properties: { tier }, required: ['tier'] })) } }))
  const me = cloud.as('p1:member')
  const { body: shown } = await me('GET', '/v2/schemas/image')
  assert.deepEqual([shown.properties.tier, shown.properties.os_distro.is_base, shown.required], [{ ...tier, is_base: false }, false, ['tier']])
  assert.deepEqual((await me('GET', '/v2/schemas/images')).body.properties.images.items, shown)
  const made = (body: Record<string, unknown>) => me('POST', '/v2/images', { body })
  assert.deepEqual([(await made({})).status, (await made({ tier: 'lead' })).status], [400, 400])
  const { status, body: { id } } = await made({ tier: 'gold', other: 'x' })
  assert.equal(status, 201)
  const changed = async (value: string) => (await me('PATCH', `/v2/images/${id}`, patch({ op: 'replace', path: '/tier', value }))).status
  assert.deepEqual([await changed('lead'), await changed('tin')], [400, 200])
})

test('without a file nothing is required, and Glance does not start with one that makes no sense or is not there', async () => {
  await using undo = new AsyncDisposableStack()
  const cloud = undo.use(await glanceAlone())
  assert.equal((await cloud.as('p1:member')('GET', '/v2/schemas/image')).body.required, undefined)
  const path = await fileWith(undo, '{"tier": {"type": "integer"}}')
  await assert.rejects(glanceAlone({ options: { imageSchemaFile: path } }), { code: 'glance.file', message: /image_schema_file names .*schema-image.json, which cannot be used: property "tier" has type "integer"/ })
  await assert.rejects(glanceAlone({ options: { imageSchemaFile: `${path}.none` } }), { code: 'glance.file', message: /ENOENT/ })
})

test('what the operator says of a property that every cloud knows is held to in place of that', async () => {
  await using undo = new AsyncDisposableStack()
  const cloud = undo.use(await glanceAlone({ options: { imageSchemaFile: await fileWith(undo, '{"kernel_id": {"type": "string", "pattern": "^linux-"}, "note": {"type": ["null", "string"]}}') } }))
  const me = cloud.as('p1:member')
  const made = await me('POST', '/v2/images', { body: { kernel_id: 'linux-7', note: null } })
  assert.equal(made.status, 201)
  const refused = await me('POST', '/v2/images', { body: { kernel_id: '11111111-2222-4333-8444-555555555555' } })
  assert.deepEqual([refused.status, cloud.said(refused)], [400, 'Provided object does not match schema &#x27;image&#x27;: &quot;11111111-2222-4333-8444-555555555555&quot; is not valid for &#x27;kernel_id&#x27;. It must match ^linux-.'])
  const changed = async (value: string) => (await me('PATCH', `/v2/images/${made.body.id}`, patch({ op: 'replace', path: '/kernel_id', value }))).status
  assert.deepEqual([await changed('linux-8'), await changed('bsd-1')], [200, 400])
})

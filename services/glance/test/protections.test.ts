// Protected properties through the API: who sees, makes, changes and removes them, and what a change of the file does.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '@alto/kit/testing'
import { glanceAlone, patch } from './cloud.ts'

const FREE = '[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n'
const BILLING = `[^billing_]\ncreate = admin\nread = admin, member\nupdate = admin\ndelete = !\n[^secret_]\ncreate = admin\nread = admin\nupdate = admin\ndelete = admin\n${FREE}`

async function withFile(text: string, work: (path: string) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), 'alto-protections-'))
  try {
    await writeFile(join(directory, 'protections'), text)
    await work(join(directory, 'protections'))
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('a protected property is made, seen, changed and removed by those whom the file names', async () => {
  await withFile(BILLING, async path => {
    await using cloud = await glanceAlone({ options: { propertyProtectionFile: path } })
    const owner = cloud.as('p1:member'), admin = cloud.as('p1:admin')
    const refused = await owner('POST', '/v2/images', { body: { billing_code: '7' } })
    assert.deepEqual([refused.status, cloud.said(refused)?.replaceAll('&#x27;', "'")], [403, "Attribute 'billing_code' is reserved."])
    const { body: { id } } = await admin('POST', '/v2/images', { body: { billing_code: '7', secret_note: 'x', colour: 'red' } })
    const shown = (body: Record<string, unknown>) => ['billing_code', 'secret_note', 'colour'].filter(name => Object.hasOwn(body, name))
    assert.deepEqual(shown((await owner('GET', `/v2/images/${id}`)).body), ['billing_code', 'colour'])
    assert.deepEqual(shown((await owner('GET', '/v2/images')).body.images[0]), ['billing_code', 'colour'])
    assert.deepEqual(shown((await admin('GET', `/v2/images/${id}`)).body), ['billing_code', 'secret_note', 'colour'])
    for (const [ask, operation, status] of [
      [owner, { op: 'replace', path: '/billing_code', value: '8' }, 403], [owner, { op: 'add', path: '/billing_code', value: '8' }, 403], [owner, { op: 'remove', path: '/billing_code' }, 403], [admin, { op: 'remove', path: '/billing_code' }, 403], [admin, { op: 'replace', path: '/billing_code', value: '8' }, 200],
      [owner, { op: 'replace', path: '/secret_note', value: 'y' }, 409], [owner, { op: 'remove', path: '/secret_note' }, 409], [owner, { op: 'add', path: '/secret_note', value: 'y' }, 403], [owner, { op: 'add', path: '/colour', value: 'blue' }, 200], [owner, { op: 'replace', path: '/name', value: 'new' }, 200], [owner, { op: 'remove', path: '/colour' }, 200],
    ] as const) assert.equal((await ask('PATCH', `/v2/images/${id}`, patch(operation))).status, status, JSON.stringify(operation))
    const { body } = await admin('GET', `/v2/images/${id}`)
    assert.deepEqual([body.billing_code, body.secret_note, body.colour, body.name], ['8', 'x', undefined, 'new'])
  })
})

test('a file that changes holds within a second, and one that makes no sense does not', async () => {
  await withFile(BILLING, async path => {
    await using cloud = await glanceAlone({ options: { propertyProtectionFile: path } })
    const create = async () => (await cloud.as('p1:member')('POST', '/v2/images', { body: { billing_code: '7' } })).status
    assert.equal(await create(), 403)
    await writeFile(path, FREE)
    await until('the new file holds', async () => { await cloud.clock.advance(1000); return await create() === 201 })
    await writeFile(path, '[x\n')
    await until('the bad file is noticed', async () => { await cloud.clock.advance(1000); return cloud.log.lines.some(line => line.message === 'a file is not used: what it said before holds') })
    assert.equal(await create(), 201)
  })
})

test('a file of policies names rules of the policy, and a start without the file fails', async () => {
  await withFile('[.*]\ncreate = context_is_admin\nread = @\nupdate = no_such_rule\ndelete = !\n', async path => {
    await using cloud = await glanceAlone({ options: { propertyProtectionFile: path, propertyProtectionRuleFormat: 'policies' } })
    assert.equal((await cloud.as('p1:member')('POST', '/v2/images', { body: { colour: 'red' } })).status, 403)
    const made = await cloud.as('p1:admin')('POST', '/v2/images', { body: { colour: 'red' } })
    assert.equal(made.status, 201)
    assert.equal((await cloud.as('p1:admin')('PATCH', `/v2/images/${made.body.id}`, patch({ op: 'replace', path: '/colour', value: 'blue' }))).status, 403)
    await assert.rejects(glanceAlone({ options: { propertyProtectionFile: `${path}.none` } }), { code: 'glance.file', message: /property_protection_file names .*protections.none, which cannot be used: ENOENT/ })
  })
})

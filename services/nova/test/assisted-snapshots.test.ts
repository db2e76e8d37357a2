// Copies of volumes that servers have, as the block storage service asks for them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, novaAlone, older, SERVICE, type Cloud } from './cloud.ts'
import { VOLUME } from './neighbours.ts'

const SNAPSHOT = '50000000-0000-4000-8000-000000000001'
const TARGET = { kind: 'file', path: '/var/lib/volumes/s/disk.qcow2', format: 'qcow2' }
const PATH = '/v2.1/os-assisted-volume-snapshots'
const FORGET = `${PATH}/${SNAPSHOT}?delete_info=${encodeURIComponent(JSON.stringify({ volume_id: VOLUME }))}`
const asking = (more: object = { connection: TARGET }, volumeId = VOLUME) => ({ snapshot: { volume_id: volumeId, create_info: { snapshot_id: SNAPSHOT, type: 'qcow2', new_file: SNAPSHOT, ...more } } })
const answer = (more: object) => ({ snapshot: { id: SNAPSHOT, volumeId: VOLUME, ...more } })

/** A server that has the volume. */
async function attached(cloud: Cloud): Promise<string> {
  const id = await cloud.server()
  await cloud.as({}, '2.96').post(`/v2.1/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: VOLUME } })
  await cloud.until(() => cloud.others.volumes.get(VOLUME)!['status'] === 'in-use', 'the volume is in use')
  await cloud.clock.advance(1000)
  return id
}
const statusOf = async (cloud: Cloud) => (await cloud.as(SERVICE).post(PATH, asking())).body.snapshot.status as string

test('a copy of a volume is made once however often it is asked for, told when it is done, and forgotten', async () => {
  await using cloud = await novaAlone()
  await attached(cloud)
  const made: unknown[] = []
  const [fake] = cloud.hypervisors
  const { copyVolume } = fake!
  fake!.copyVolume = (id, volume, copy, signal) => { made.push({ volumeId: volume.id, copy }); return copyVolume(id, volume, copy, signal) }
  const asked = await cloud.as(SERVICE).post(PATH, asking())
  assert.deepEqual([asked.status, asked.body], [200, answer({ status: 'copying' })])
  await cloud.until(async () => await statusOf(cloud) === 'done', 'it is copied')
  const [row] = (await cloud.db.read(tx => tx.selectFrom('server_volumes').select('id').execute()))
  assert.deepEqual(made, [{ volumeId: VOLUME, copy: { id: SNAPSHOT, attachmentId: row!.id, to: TARGET } }])
  assert.equal((await cloud.as(SERVICE).delete(FORGET)).status, 204)
  assert.equal((await cloud.as(SERVICE).delete(FORGET)).status, 404)
  assert.deepEqual(await cloud.db.read(tx => tx.selectFrom('server_copies').selectAll().execute()), [])
})

test('what cannot be copied is refused with a sentence', async () => {
  await using cloud = await novaAlone()
  const refusal = async (who: object, body: object) => {
    const { status, body: { badRequest, forbidden } } = await cloud.as(who).post(PATH, body)
    return [status, (badRequest ?? forbidden).message]
  }
  assert.deepEqual(await refusal(SERVICE, asking({})), [400, 'Volumes of servers are copied into a disk of their own here, not made a chain of files: create_info.connection must say how that disk is reached.'])
  assert.deepEqual(await refusal(SERVICE, asking()), [400, `No volume Block Device Mapping with id ${VOLUME}.`])
  assert.equal((await refusal({}, asking()))[0], 403)
  assert.equal((await refusal(ADMIN, asking()))[0], 403)
  assert.equal((await cloud.as(SERVICE).delete(`${PATH}/${SNAPSHOT}`)).status, 400)
})

test('a copy fails with its reason when the volume is detached first, and a detach waits for one under way', async () => {
  await using cloud = await novaAlone()
  const id = await attached(cloud)
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  cloud.hypervisors[0]!.copyVolume = () => held
  await cloud.as(SERVICE).post(PATH, asking())
  await cloud.clock.advance(1000)
  await cloud.as().delete(`/v2.1/servers/${id}/os-volume_attachments/${VOLUME}`)
  await cloud.clock.advance(400_000)
  assert.deepEqual([await statusOf(cloud), cloud.others.attachments.size], ['copying', 1])
  letGo()
  await cloud.until(() => cloud.others.attachments.size === 0, 'the volume is free')
  assert.equal(await statusOf(cloud), 'done')
  await cloud.as(SERVICE).delete(FORGET)
  const gone = await cloud.as(SERVICE).post(PATH, asking())
  assert.deepEqual([gone.status, gone.body.badRequest.message], [400, `No volume Block Device Mapping with id ${VOLUME}.`])
})

test('a copy of a server that is deleted goes with it', async () => {
  await using cloud = await novaAlone()
  const id = await attached(cloud)
  cloud.hypervisors[0]!.copyVolume = (_id, _volume, _copy, signal) => cloud.clock.sleep(10_000_000, signal)
  await cloud.as(SERVICE).post(PATH, asking())
  await cloud.clock.advance(1000)
  await cloud.as().delete(`/v2.1/servers/${id}`)
  await cloud.gone(id)
  await cloud.until(async () => (await cloud.db.read(tx => tx.selectFrom('server_copies').selectAll().execute())).length === 0, 'the copy is gone')
  assert.deepEqual(await cloud.nova.audit(), [])
})

test('an agent that is too old for copies, and a host that is not up, are told of', async () => {
  {
    await using cloud = await novaAlone({ bus: older('compute-agent', '1.1') })
    await attached(cloud)
    const { status, body } = await cloud.as(SERVICE).post(PATH, asking())
    assert.deepEqual([status, body.notImplemented.message], [501, `Copying volume ${VOLUME} while a server has it needs version 1.2; h1 speaks 1.1`])
  }
  await using cloud = await novaAlone()
  await attached(cloud)
  await cloud.silence(0)
  await cloud.clock.advance(61_000)
  assert.deepEqual((await cloud.as(SERVICE).post(PATH, asking())).body, answer({ status: 'copying', reason: 'host h1 is not up' }))
})

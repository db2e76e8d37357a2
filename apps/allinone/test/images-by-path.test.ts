// Where Glance keeps images in files of the machine that the agents run on, they take the files: no image is downloaded.
import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { qemuImg } from '@alto/kit/disk'
import { commandHost } from '@alto/kit/host'
import { memoryLog } from '@alto/kit/log'
import { stayAlive, until } from '@alto/kit/testing'
import { wholeCloud } from './whole-cloud.ts'

const CONTENT = Buffer.alloc(3 * 2 ** 20, 'altostratus')

test('a volume is made from an image without a byte of it going through the image API, and keeps its content when the image is deleted', async () => {
  using _alive = stayAlive()
  await using undo = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'alto-near-'))
  undo.defer(() => rm(dir, { recursive: true }))
  const log = memoryLog()
  const whole = undo.use(await wholeCloud({ dir, log, kinds: { compute: 'fake', network: 'fake', volume: 'real' } }))
  const token = await whole.login('demo')
  const ask = async (method: string, url: string, body?: unknown) => await whole.ask(method, url, { token, body }) as { status: number, body: any }       // eslint-disable-line @typescript-eslint/no-explicit-any
  const { body: image } = await ask('POST', '/image/v2/images', { name: 'near', disk_format: 'raw', container_format: 'bare' })
  assert.equal((await whole.cloud.fetch({ method: 'PUT', url: `/image/v2/images/${image.id}/file`, headers: { 'x-auth-token': token, 'content-type': 'application/octet-stream' }, body: CONTENT })).status, 204)
  const { body: { volume } } = await ask('POST', '/volume/v3/volumes', { volume: { size: 1, imageRef: image.id } })
  const status = async () => (await ask('GET', `/volume/v3/volumes/${volume.id}`)).body.volume.status as string
  await until('the volume is made', async () => ['available', 'error'].includes(await status()))
  assert.equal(await status(), 'available')
  const downloads = () => log.lines.filter(({ message, fields }) => message === 'request' && fields['method'] === 'GET' && /^\/image\/v2\/images\/[^/]+\/file/.test(String(fields['path'])))
  assert.deepEqual(downloads(), [])

  assert.equal((await ask('DELETE', `/image/v2/images/${image.id}`)).status, 204)
  assert.ok((await contentOf(dir, volume.id)).equals(CONTENT))
  await ask('GET', `/image/v2/images/${image.id}/file`)
  assert.equal(downloads().length, 1, 'a download would have been seen')
})

/** The first bytes of a volume, as a guest sees them. */
async function contentOf(dir: string, id: string): Promise<Buffer> {
  const [cloud] = await readdir(join(dir, 'volumes'))
  const to = join(dir, 'content.raw')
  await qemuImg(commandHost).convert({ path: join(dir, 'volumes', cloud!, id, 'disk.qcow2'), format: 'qcow2' }, { path: to, format: 'raw' }, 2 * 2 ** 30)
  await using file = await open(to, 'r')
  const { buffer } = await file.read(Buffer.alloc(CONTENT.length))
  return buffer
}

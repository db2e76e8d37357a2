// Glance's rows: bytes up and down beside the disk's own speed for the same bytes hashed, eight uploads at once, long lists; lists beside another
// Glance when ALTO_BENCH_UPSTREAM_IMAGE names one (http://…:9292, asked with a token of ALTO_BENCH_UPSTREAM's Keystone).
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { upstreamToken } from './identity.ts'
import { add, agent, alto, ask, many, memoryOf, rate, RUNS, start, type Bench } from './measuring.ts'

const MIB = 2 ** 20
const BLOCK = Buffer.alloc(MIB, createHash('sha512').update('a block that does not compress').digest())

/** Measures clouds of its own in `dir`. */
export async function images(dir: string): Promise<void> {
  await eightAtOnce(dir)
  const cloud = await start(join(dir, 'cloud'), 'fake')
  try {
    await oneLarge(cloud, join(dir, 'disk'))
    await lists(cloud)
  } finally {
    await alto(cloud.dir, 'down')
  }
}

async function create(b: Bench, name: string): Promise<string> {
  const { status, body } = await ask(b.url, 'POST', '/image/v2/images', { token: b.demo, body: { name, disk_format: 'raw', container_format: 'bare' } })
  if (status !== 201) throw new Error(`image create: ${status}`)
  return (body as { id: string }).id
}

async function upload(b: Bench, id: string, mebibytes: number): Promise<void> {
  const req = request(`${b.url}/image/v2/images/${id}/file`, { method: 'PUT', agent, headers: { 'content-type': 'application/octet-stream', 'content-length': mebibytes * MIB, 'x-auth-token': b.demo } })
  const answered = once(req, 'response')
  for (let i = 0; i < mebibytes; i++) if (!req.write(BLOCK)) await once(req, 'drain')
  req.end()
  const [res] = await answered as [{ statusCode: number, resume(): void }]
  res.resume()
  if (res.statusCode !== 204) throw new Error(`upload: ${res.statusCode}`)
}

/** Reads into one piece of memory, so that it is not the client that is measured: it has one of the machine's cores. */
async function download(b: Bench, id: string, mebibytes: number): Promise<void> {
  const { hostname, port } = new URL(b.url)
  const [into, ended] = [Buffer.allocUnsafe(MIB), Promise.withResolvers<void>()]
  let [head, bytes] = ['', 0]
  const socket = connect({
    host: hostname, port: Number(port),
    onread: {
      buffer: into,
      callback(length) {
        if (!head.includes('\r\n\r\n')) {
          head += into.toString('latin1', 0, length)
          length = Math.max(0, head.length - head.indexOf('\r\n\r\n') - 4)
        }
        bytes += length
        return true
      },
    },
  }).on('close', () => ended.resolve()).on('error', ended.reject)
  socket.write(`GET /image/v2/images/${id}/file HTTP/1.1\r\nhost: bench\r\nx-auth-token: ${b.demo}\r\nconnection: close\r\n\r\n`)
  await ended.promise
  if (!head.startsWith('HTTP/1.1 200 ') || bytes !== mebibytes * MIB) throw new Error(`download: ${bytes} bytes after ${head.slice(0, 20)}`)
}

/** What the disk itself takes: the same bytes hashed twice, written and made durable; then read and hashed, as their reader must to know them. */
async function disk(path: string, mebibytes: number): Promise<[written: number, read: number]> {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')]
  let began = performance.now()
  const file = await open(path, 'w+')
  for (let i = 0; i < mebibytes; i++) {
    md5.update(BLOCK)
    sha512.update(BLOCK)
    await file.write(BLOCK)
  }
  await file.sync()
  const written = performance.now() - began
  began = performance.now()
  const [into, check] = [Buffer.alloc(MIB), createHash('sha512')]
  for (let i = 0; i < mebibytes; i++) {
    await file.read(into, 0, MIB, i * MIB)
    check.update(into)
  }
  const read = performance.now() - began
  await file.close()
  await rm(path)
  return [written / 1000, read / 1000]
}

async function oneLarge(b: Bench, path: string): Promise<void> {
  const mebibytes = 5 * 1024
  const ratios: { up: number[], down: number[] } = { up: [], down: [] }
  const up: number[] = []
  for (let i = 0; i < Math.min(RUNS, 5); i++) {
    const id = await create(b, 'large')
    let began = performance.now()
    await upload(b, id, mebibytes)
    up.push((performance.now() - began) / 1000)
    began = performance.now()
    await download(b, id, mebibytes)
    const down = (performance.now() - began) / 1000
    await ask(b.url, 'DELETE', `/image/v2/images/${id}`, { token: b.demo })
    const [written, read] = await disk(path, mebibytes)
    ratios.up.push(up.at(-1)! / written)
    ratios.down.push(down / read)
  }
  add('upload of 5 GiB', 's', up)
  add('upload of 5 GiB, to the same bytes hashed twice and written by one program', 'times', ratios.up, 'at most 1.3')
  add('download of 5 GiB, to the same bytes read and hashed by one program', 'times', ratios.down, 'at most 1.3')
}

/** In clouds that were just started: one that has moved much has the room of that already. */
async function eightAtOnce(dir: string): Promise<void> {
  const [above, waits]: [number[], number[]] = [[], []]
  for (let i = 0; i < RUNS; i++) {
    const cloud = await start(join(dir, `eight${i}`), 'fake')
    try {
      const one = await eightUploads(cloud)
      above.push(one.above)
      waits.push(one.wait)
    } finally {
      await alto(cloud.dir, 'down')
    }
  }
  add('memory above that of a cloud just started, while 8 images of 512 MiB come in at once', 'MB', above, 'under 64 MB')
  add('API meanwhile: 99 of 100 answers within', 'ms', waits, 'under 50 ms')
}

/** MB above those before, and ms within which 99 of 100 requests are answered meanwhile. */
async function eightUploads(b: Bench): Promise<{ above: number, wait: number }> {
  const idle = await memoryOf(b)
  const ids = await many(8, i => create(b, `eight${i}`))
  let [peak, running] = [idle, true]
  const waits: number[] = []
  const watching = (async () => {
    while (running) {
      peak = Math.max(peak, await memoryOf(b))
      await new Promise(settle => { setTimeout(settle, 250) })
    }
  })()
  const asking = (async () => {
    while (running) {
      const began = performance.now()
      await ask(b.url, 'GET', `/image/v2/images/${ids[0]}`, { token: b.demo })
      waits.push(performance.now() - began)
      await new Promise(settle => { setTimeout(settle, 10) })
    }
  })()
  await Promise.all(ids.map(id => upload(b, id, 512)))
  running = false
  await Promise.all([watching, asking])
  await many(8, i => ask(b.url, 'DELETE', `/image/v2/images/${ids[i]}`, { token: b.demo }))
  return { above: peak - idle, wait: waits.toSorted((x, y) => x - y)[Math.floor(waits.length * 0.99)]! }
}

async function lists(b: Bench): Promise<void> {
  await many(100, i => create(b, `image${i}`))
  const other = process.env['ALTO_BENCH_UPSTREAM_IMAGE']
  const token = other === undefined ? undefined : await upstreamToken()
  if (other !== undefined) await many(100, i => ask(other, 'POST', '/v2/images', { token: token!, body: { name: `image${i}` } }))
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let i = 0; i < RUNS; i++) {
    ours.push(await rate(8, () => ask(b.url, 'GET', '/image/v2/images?limit=100', { token: b.demo, unread: true })))
    if (other !== undefined) theirs.push(await rate(8, () => ask(other, 'GET', '/v2/images?limit=100', { token: token!, unread: true })))
  }
  add('lists of 100 images, 8 clients', '/s', ours, 'ratio 20', other === undefined ? undefined : theirs)
  if (other !== undefined) {
    const { images: made } = (await ask(other, 'GET', '/v2/images?limit=1000', { token: token! })).body as { images: { id: string, name: string | null }[] }
    const mine = made.filter(one => one.name?.startsWith('image'))
    await many(mine.length, i => ask(other, 'DELETE', `/v2/images/${mine[i]!.id}`, { token: token! }))
  }
  await many(9900, i => create(b, `more${i}`))
  const pages: number[] = []
  for (let path: string | undefined = '/v2/images?limit=100'; path !== undefined;) {
    const began = performance.now()
    const { body } = await ask(b.url, 'GET', `/image${path}`, { token: b.demo })
    pages.push(performance.now() - began)
    path = (body as { next?: string }).next
  }
  add('a page of 100 of 10,000 images', 'ms', pages, 'under 20 ms')
}

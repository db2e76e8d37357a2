// What users may make the cloud fetch: every row of the tables is a way to ask for more, and falls when its defence does.
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ManualClock, systemClock } from '@alto/kit/clock'
import { isFault } from '@alto/kit/errors'
import { fetcher, type FetcherOptions, type Resolve } from './fetcher.ts'

const OPTIONS: FetcherOptions = {
  allowedSchemes: ['http', 'https'], disallowedSchemes: [], allowedHosts: [], disallowedHosts: [], allowedPorts: ['80', '443'], disallowedPorts: [], allowedRanges: [], idleMs: 2_000, totalMs: 60_000,
}
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['93.184.216.34'], 'both.example': ['10.0.0.1', '93.184.216.34'], 'six.example': ['2606:2800:220:1::1'], 'private.example': ['10.0.0.1'], 'loop.example': ['127.0.0.1'],
  'metadata.example': ['169.254.169.254'], 'local.example': ['fe80::1%eth0'], 'unique.example': ['fd00::1'], 'mapped.example': ['::ffff:10.0.0.1'], 'nat64.example': ['64:ff9b::7f00:1'], 'zone.example': ['2606:2800:220:1::1%eth0'], 'localhost': ['127.0.0.1', '::1'],
}
const byTable: Resolve = async host => NAMES[host] ?? Promise.reject(new Error('no such name'))
const made = (more: Partial<FetcherOptions> = {}, resolve = byTable) => fetcher({ ...OPTIONS, ...more }, { clock: systemClock, resolve })

test('a URL that leads inside, in whatever spelling, is refused', async () => {
  const inside = [
    'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://017700000001/', 'http://0177.0.0.1/', 'http://0x7f000001/', 'http://0x7f.0.0.1/', 'http://127.0.0.1./', 'http://127.255.255.254/',
    'http://0.0.0.0/', 'http://0/', 'http://10.1.2.3/', 'http://172.16.0.1/', 'http://172.31.255.255/', 'http://192.168.1.1/', 'http://169.254.169.254/latest/meta-data/', 'http://100.64.0.1/', 'http://198.18.0.1/',
    'http://224.0.0.1/', 'http://240.0.0.1/', 'http://255.255.255.255/', 'http://192.0.0.1/', 'http://168.63.129.16/',
    'http://[::1]/', 'http://[::]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/', 'http://[::ffff:169.254.169.254]/', 'http://[::127.0.0.1]/', 'http://[fe80::1]/', 'http://[fd00::1]/', 'http://[fec0::1]/',
    'http://[ff02::1]/', 'http://[64:ff9b::127.0.0.1]/', 'http://[2002:7f00:1::]/', 'http://[2001:0:7f00:1::]/', 'http://[2001:db8::1]/',
    'http://private.example/', 'http://loop.example/', 'http://metadata.example/', 'http://local.example/', 'http://unique.example/', 'http://mapped.example/', 'http://nat64.example/', 'http://zone.example/', 'http://localhost/', 'http://LOCALHOST./',
    'http://loop。example/', 'http://①②⑦.0.0.1/',
  ]
  for (const url of inside) await assert.rejects(made().check(url), error => isFault(error, 'glance.fetch.refused'), url)
})

test('a URL of another scheme, with a user, at an unusual port or at no host is refused', async () => {
  const odd = [
    'file:///etc/passwd', 'ftp://public.example/', 'gopher://public.example/', 'data:,x', 'javascript:1', 'unix:/run/x', 'swift+http://public.example/', '//public.example/', 'public.example/x', '', 'http://', 'http:///',
    'http://user@public.example/', 'http://user:secret@public.example/', 'http://:secret@public.example/', 'http://public.example@127.0.0.1/', 'http://public.example:22/', 'http://public.example:8080/', 'https://public.example:25/',
    'http://public.example:0/', 'http://public.example:65536/', 'http://public.example%2f@loop.example/', 'http://public.example\\@loop.example/',
  ]
  const backslash = odd.pop()!                                     // a backslash is a slash: the host is public.example, and what follows is its path
  await made().check(backslash)
  for (const url of odd) await assert.rejects(made().check(url), error => isFault(error, 'glance.fetch.refused'), url)
})

test('what is public may be fetched, and what an administrator allows', async () => {
  for (const url of ['http://public.example/x?y', 'https://public.example/', 'https://public.example:443/', 'http://93.184.216.34/', 'http://six.example/', 'http://[2606:2800:220:1::1]/', 'http://[::ffff:93.184.216.34]/', 'http://both.example/', 'HTTP://PUBLIC.EXAMPLE./']) await made().check(url)
  await made({ allowedRanges: ['10.0.0.0/24', 'fd00::/8'] }).check('http://private.example/')
  await made({ allowedRanges: ['10.0.0.0/24', 'fd00::/8'] }).check('http://unique.example/')
  await made({ allowedRanges: ['10.0.0.1'] }).check('http://[::ffff:10.0.0.1]/')
  await assert.rejects(made({ allowedRanges: ['10.0.1.0/24'] }).check('http://private.example/'), /no address that may be reached/)
  assert.throws(() => made({ allowedRanges: ['10.0.0.0/33'] }), /no range/)
})

test('lists of schemes, hosts and ports are obeyed; beside an allowed list the disallowed one is not', async () => {
  const cases: [Partial<FetcherOptions>, string, boolean][] = [
    [{ allowedSchemes: ['https'] }, 'http://public.example/', false], [{ allowedSchemes: [], disallowedSchemes: ['http'] }, 'http://public.example/', false], [{ allowedSchemes: [], disallowedSchemes: ['http'] }, 'https://public.example/', true],
    [{ allowedSchemes: ['ftp'] }, 'ftp://public.example/', false],
    [{ allowedHosts: ['six.example'] }, 'http://public.example/', false], [{ allowedHosts: ['Public.Example'] }, 'http://public.example./', true], [{ allowedHosts: ['private.example'] }, 'http://private.example/', false],
    [{ disallowedHosts: ['public.example'] }, 'http://PUBLIC.example./', false], [{ disallowedHosts: ['93.184.216.34'] }, 'http://public.example/', false], [{ allowedHosts: ['public.example'], disallowedHosts: ['public.example'] }, 'http://public.example/', true],
    [{ allowedPorts: [] }, 'http://public.example:8080/', true], [{ allowedPorts: [], disallowedPorts: ['22'] }, 'http://public.example:22/', false], [{ allowedPorts: ['8080'] }, 'http://public.example/', false],
  ]
  for (const [options, url, may] of cases) await (may ? made(options).check(url) : assert.rejects(made(options).check(url), error => isFault(error, 'glance.fetch.refused'), `${JSON.stringify(options)} ${url}`))
})

/** A server on an address of this machine, and what it was asked for. */
async function serving(listener: RequestListener, host = '127.0.0.1', port = 0) {
  const asked: string[] = []
  const server = createServer((request, response) => { asked.push(`${request.headers.host} ${request.url}`); listener(request, response) })
  await new Promise<void>(resolve => { server.listen(port, host, resolve) })
  return { port: (server.address() as AddressInfo).port, asked, async [Symbol.asyncDispose]() { server.closeAllConnections(); await new Promise(resolve => { server.close(resolve) }) } }
}

const inside: Partial<FetcherOptions> = { allowedPorts: [], allowedRanges: ['127.0.0.1'] }
const never = new AbortController().signal
async function read(from: ReturnType<typeof made>, url: string): Promise<string> {
  const { bytes } = await from.get(url, never)
  return Buffer.concat(await Array.fromAsync(bytes)).toString()
}

test('bytes come from the address that was looked at, under the name that was asked for, and the name is resolved once', async () => {
  await using server = await serving((_, response) => response.end('image'))
  let times = 0
  const resolve: Resolve = async () => times++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']
  assert.equal(await read(made(inside, resolve), `http://mirror.example:${server.port}/a?b=c`), 'image')
  assert.deepEqual([times, server.asked], [1, [`mirror.example:${server.port} /a?b=c`]])
})

test('a name that resolves elsewhere after it was checked is refused when it is fetched', async () => {
  await using trap = await serving((_, response) => response.end('secret'), '127.0.0.2')
  let times = 0
  const rebinding = made(inside, async () => times++ === 0 ? ['127.0.0.1'] : ['127.0.0.2'])
  await rebinding.check(`http://rebinding.example:${trap.port}/`)
  await assert.rejects(rebinding.get(`http://rebinding.example:${trap.port}/`, never), error => isFault(error, 'glance.fetch.refused'))
  assert.deepEqual(trap.asked, [])
})

test('a redirect is looked at like the first URL, and not followed for ever', async () => {
  await using trap = await serving((_, response) => response.end('secret'), '127.0.0.2')
  let target = ''
  await using server = await serving((request, response) => {
    if (request.url === '/image') response.end('image')
    else response.writeHead(302, { location: request.url === '/loop' ? '/loop' : target }).end()
  })
  const at = `http://127.0.0.1:${server.port}`
  for (target of [`http://127.0.0.2:${trap.port}/`, `http://localhost:${trap.port}/`, 'file:///etc/passwd', `http://user:pass@127.0.0.1:${server.port}/image`, 'http://169.254.169.254/latest/', `//127.0.0.2:${trap.port}/`, 'http://[::1]/', 'http://:::']) {
    await assert.rejects(made(inside, async () => ['127.0.0.2']).get(`${at}/x`, never), error => isFault(error, 'glance.fetch.refused'), target)
  }
  assert.deepEqual(trap.asked, [])
  for (target of ['/image', `${at}/image`]) assert.equal(await read(made(inside), `${at}/x`), 'image')
  await assert.rejects(made(inside).get(`${at}/loop`, never), /more than 5 times/)
  assert.equal(server.asked.filter(one => one.endsWith(' /loop')).length, 6)
  await assert.rejects(made({ ...inside, allowedPorts: [String(server.port)] }).get(`${at}/x`, never).then(() => { target = 'http://127.0.0.1:1/'; return made({ ...inside, allowedPorts: [String(server.port)] }).get(`${at}/x`, never) }), /port 1 is not allowed/)
})

test('an answer that is no image, breaks off, says nothing or takes too long fails', async () => {
  await using server = await serving((request, response) => {
    if (request.url === '/404') response.writeHead(404).end('no')
    else if (request.url === '/206') response.writeHead(206).end('part')
    else if (request.url === '/short') { response.writeHead(200, { 'content-length': '10' }); response.write('four'); setImmediate(() => request.socket.destroy()) }
    else if (request.url === '/slow') { response.writeHead(200); response.write('x') }
  })
  const at = `http://127.0.0.1:${server.port}`
  for (const path of ['/404', '/206']) await assert.rejects(made(inside).get(at + path, never), error => isFault(error, 'glance.fetch.failed'), path)
  await assert.rejects(read(made(inside), `${at}/short`), /broke off/)
  await assert.rejects(read(made({ ...inside, idleMs: 50 }), `${at}/nothing`), /nothing came for/)
  const clock = new ManualClock()
  const { bytes, size } = await fetcher({ ...OPTIONS, ...inside }, { clock }).get(`${at}/slow`, never)
  assert.equal(size, undefined)
  const got = Array.fromAsync(bytes)
  await clock.advance(60_001)
  await assert.rejects(got, /not all there after 60 s/)
  const stopped = new AbortController()
  const going = await made(inside).get(`${at}/slow`, stopped.signal)
  const read2 = Array.fromAsync(going.bytes)
  stopped.abort(new Error('stopped'))
  await assert.rejects(read2, /stopped/)
})

test('the size of a thing is what a HEAD says of it, and a GET where that is not answered or says nothing', async () => {
  await using server = await serving((request, response) => {
    if (request.url === '/endless') { response.writeHead(200, request.method === 'HEAD' ? { 'content-length': '7' } : {}); response.write('x'); if (request.method === 'HEAD') response.end() }
    else if (request.url === '/moved') response.writeHead(302, { location: '/endless' }).end()
    else if (request.url === '/no-head') (request.method === 'HEAD' ? response.writeHead(405) : response.writeHead(200, { 'content-length': '4' })).end(request.method === 'HEAD' ? '' : 'four')
    else if (request.url === '/unsaid') { response.writeHead(200); response.write('x'); response.end() }
    else response.writeHead(404).end()
  })
  const at = `http://127.0.0.1:${server.port}`
  for (const [path, size] of [['/endless', 7], ['/moved', 7], ['/no-head', 4], ['/unsaid', undefined]] as const) assert.equal(await made(inside).size(at + path, never), size, path)
  await assert.rejects(made(inside).size(`${at}/gone`, never), error => isFault(error, 'glance.fetch.failed'))
  await assert.rejects(made().size(`${at}/endless`, never), error => isFault(error, 'glance.fetch.refused'))
})

test('an answer that nobody wants to read is not waited for: its connection ends at once', async () => {
  const left = Promise.withResolvers<void>()
  await using server = await serving((_request, response) => { response.writeHead(200, { 'content-length': 2 ** 40 }).write('x'); response.on('close', left.resolve) })
  const { bytes } = await made({ allowedRanges: ['127.0.0.1'], allowedPorts: [], idleMs: 600_000 }).get(`http://127.0.0.1:${server.port}/`, new AbortController().signal)
  await bytes[Symbol.asyncIterator]().return?.()
  await left.promise
})

test('a body that stands still ends too', async () => {
  await using server = await serving((_, response) => { response.writeHead(200); response.write('x') })
  await assert.rejects(read(made({ ...inside, idleMs: 50 }), `http://127.0.0.1:${server.port}/`), error => isFault(error, 'glance.fetch.failed'))
})

test('an answer in another protocol, or none at all, ends the fetch', async () => {
  await using server = await serving((request, { socket }) => { socket!.end(request.url === '/other' ? 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\nbytes' : '') })
  for (const path of ['/other', '/none']) await assert.rejects(made(inside).get(`http://127.0.0.1:${server.port}${path}`, never), error => isFault(error, 'glance.fetch.failed'), path)
})

test('a name without an address is told when it is fetched, and a resolver that says nothing ends with the time of the fetch', async () => {
  await made().check('http://unknown.example/')
  await assert.rejects(made().get('http://unknown.example/', never), error => isFault(error, 'glance.fetch.failed') && /unknown.example cannot be resolved/.test(error.message))
  const silent: Resolve = () => new Promise(() => {})
  const timed = async (more: Partial<FetcherOptions>, ms: number, message: RegExp) => {
    const clock = new ManualClock()
    const ending = assert.rejects(fetcher({ ...OPTIONS, ...more }, { clock, resolve: silent }).get('http://public.example/', never), message)
    await clock.advance(ms)
    await ending
    assert.equal(clock.waiting, 0)
  }
  await timed({}, 2_000, /not resolved for 2 s/)
  await timed({ totalMs: 1_000 }, 1_000, /not all there after 1 s/)
  const stopped = new AbortController()
  const going = assert.rejects(made({}, silent).get('http://public.example/', stopped.signal), /stopped/)
  stopped.abort(new Error('stopped'))
  await going
})

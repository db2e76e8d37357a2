// Consoles: who gets a token, what it opens, when it ends; and bytes between a client and a guest over a real listener.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Script } from 'node:vm'
import type { ManualClock } from '@alto/kit/clock'
import { listenForData } from '@alto/kit/data-link'
import { seededIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { ADMIN, novaAlone, older, SECRET, type Cloud, type Who } from './cloud.ts'

const VNC = { remote_console: { protocol: 'vnc', type: 'novnc' } }
const SERIAL = { remote_console: { protocol: 'serial', type: 'serial' } }
const SPICE = { remote_console: { protocol: 'spice', type: 'spice-html5' } }

const ask = (cloud: Cloud, id: string, body: unknown = SERIAL, who: Who = {}, version = '2.96') => cloud.as(who, version).post(`/v2.1/servers/${id}/remote-consoles`, body)
const tokenOf = (url: string) => new URL(url).searchParams.get('token')!
const token = async (cloud: Cloud, id: string) => tokenOf((await ask(cloud, id)).body.remote_console.url)
/** Whether a token counts, as the admin's question tells. */
const counts = async (cloud: Cloud, it: string) => (await cloud.as(ADMIN, '2.96').get(`/v2.1/os-console-auth-tokens/${it}`)).status === 200

/** All that a console says until it ends, after `said` was sent; `refused` when it is. */
async function talk(port: number, it: string, said?: string): Promise<string> {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/console/?token=${it}`, ['binary'])
  websocket.binaryType = 'arraybuffer'
  const heard: Buffer[] = []
  let open = false
  websocket.addEventListener('open', () => { open = true; if (said !== undefined) websocket.send(Buffer.from(said)) })
  websocket.addEventListener('message', ({ data }) => heard.push(Buffer.from(data as ArrayBuffer)))
  await once(websocket, 'close')
  return open ? Buffer.concat(heard).toString() : 'refused'
}

test('a server\'s consoles have URLs: a page for the screen, a websocket for the terminal', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const [screen, terminal] = [await ask(cloud, id, VNC), await ask(cloud, id)]
  const tokens = [screen, terminal].map(answer => tokenOf(answer.body.remote_console.url))
  assert.deepEqual([screen, terminal].map(({ status, body }) => ({ status, body })), [
    { status: 200, body: { remote_console: { protocol: 'vnc', type: 'novnc', url: `http://cloud/console/?token=${tokens[0]}` } } },
    { status: 200, body: { remote_console: { protocol: 'serial', type: 'serial', url: `ws://cloud/console/?token=${tokens[1]}` } } },
  ])
  assert.notEqual(tokens[0], tokens[1])
  const old = await cloud.as({}, '2.5').post(`/v2.1/servers/${id}/action`, { 'os-getVNCConsole': { type: 'novnc' } })
  assert.deepEqual([old.status, old.body], [200, { console: { type: 'novnc', url: `http://cloud/console/?token=${tokenOf(old.body.console.url)}` } }])
  const oldTerminal = await cloud.as({}, '2.1').post(`/v2.1/servers/${id}/action`, { 'os-getSerialConsole': { type: 'serial' } })
  assert.deepEqual([oldTerminal.status, oldTerminal.body], [200, { console: { type: 'serial', url: `ws://cloud/console/?token=${tokenOf(oldTerminal.body.console.url)}` } }])
})

test('consoles that are not to be had, other versions, and servers that do not run are refused as upstream refuses them', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const said = async (body: unknown, version = '2.96') => {
    const answer = await ask(cloud, id, body, {}, version)
    return [answer.status, Object.values(answer.body as Record<string, { message: string }>)[0]!.message]
  }
  assert.deepEqual(await said(SPICE), [400, 'Unavailable console type spice-html5.'])
  assert.deepEqual(await said({ remote_console: { protocol: 'mks', type: 'webmks' } }), [400, 'Unavailable console type webmks.'])
  assert.deepEqual(await said({ remote_console: { protocol: 'vnc', type: 'xvpvnc' } }), [400, 'Invalid console type xvpvnc'])
  assert.deepEqual((await said({ remote_console: { protocol: 'mks', type: 'webmks' } }, '2.7'))[0], 400)
  assert.deepEqual(await said(VNC, '2.5'), [404, 'The resource could not be found.'])
  assert.deepEqual((await cloud.as({}, '2.6').post(`/v2.1/servers/${id}/action`, { 'os-getVNCConsole': { type: 'novnc' } })).status, 404)
  assert.deepEqual((await cloud.as({}, '2.5').post(`/v2.1/servers/${id}/action`, { 'os-getSPICEConsole': { type: 'spice-html5' } })).body, { badRequest: { code: 400, message: 'Unavailable console type spice-html5.' } })
  await cloud.as().post(`/v2.1/servers/${id}/action`, { 'os-stop': null })
  await cloud.settle(id, 'SHUTOFF')
  assert.deepEqual(await said(VNC), [409, `Instance ${id} is not ready`])
})

test('another project finds no server, a reader may not, the admin may; only the admin asks what a token opens', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  assert.deepEqual((await ask(cloud, id, VNC, { project: 'p2' })).body, { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } })
  assert.deepEqual((await ask(cloud, id, VNC, { roles: ['reader'] })).body, { forbidden: { code: 403, message: "Policy doesn't allow os_compute_api:os-remote-consoles to be performed." } })
  assert.equal((await ask(cloud, id, VNC, ADMIN)).status, 200)
  const it = await token(cloud, id)
  const shown = await cloud.as(ADMIN, '2.31').get(`/v2.1/os-console-auth-tokens/${it}`)
  assert.deepEqual([shown.status, shown.body], [200, { console: { instance_uuid: id, host: 'h1', port: 0, internal_access_path: null } }])
  assert.equal((await cloud.as({}, '2.31').get(`/v2.1/os-console-auth-tokens/${it}`)).status, 403)
  assert.equal((await cloud.as(ADMIN, '2.30').get(`/v2.1/os-console-auth-tokens/${it}`)).status, 400)
  assert.deepEqual((await cloud.as(ADMIN, '2.31').get('/v2.1/os-console-auth-tokens/made-up')).body, { itemNotFound: { code: 404, message: 'Token not found' } })
})

test('a token ends after ten minutes, with a stop, and with its server', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const early = await token(cloud, id)
  await cloud.clock.advance(599_000)
  assert.equal(await counts(cloud, early), true)
  await cloud.clock.advance(1000)
  assert.equal(await counts(cloud, early), false)

  const before = await token(cloud, id)
  await cloud.as().post(`/v2.1/servers/${id}/action`, { 'os-stop': null })
  await cloud.settle(id, 'SHUTOFF')
  assert.equal(await counts(cloud, before), false)
  await cloud.as().post(`/v2.1/servers/${id}/action`, { 'os-start': null })
  await cloud.settle(id, 'ACTIVE')
  assert.equal(await counts(cloud, before), false)

  const last = await token(cloud, id)
  await cloud.as().delete(`/v2.1/servers/${id}`)
  await cloud.gone(id)
  assert.equal(await counts(cloud, last), false)
  assert.deepEqual(await cloud.db.read(tx => tx.selectFrom('console_tokens').selectAll().execute()), [])
})

test('a token opens nothing where the server is no longer', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const it = await token(cloud, id)
  await cloud.db.write(tx => tx.updateTable('server_wants').set({ host: 'elsewhere' }).where('server_id', '=', id).execute())
  assert.equal(await counts(cloud, it), false)
})

test('a token that one controller made opens at another, and rows hold no token', async () => {
  await using first = await novaAlone()
  const id = await first.server()
  const it = await token(first, id)
  await using second = await novaAlone({ db: first.db, name: 'second', others: first.others, hosts: 0, flavors: false })
  assert.equal(await counts(second, it), true)
  const rows = await first.db.read(tx => tx.selectFrom('console_tokens').selectAll().execute())
  assert.ok(rows.length === 1 && !JSON.stringify(rows).includes(it))
})

test('a server has a hundred tokens at most: the oldest end', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  const oldest = await token(cloud, id)
  await cloud.clock.advance(10)
  let newest = ''
  for (let n = 0; n < 100; n++) newest = await token(cloud, id)
  assert.deepEqual([await counts(cloud, oldest), await counts(cloud, newest)], [false, true])
})

test('a pretended guest says its console and ends; a wrong token opens nothing, and no token is in the log', async () => {
  await using cloud = await novaAlone()
  const id = await cloud.server()
  await cloud.clock.advance(3000)
  const port = await cloud.listen()
  const it = await token(cloud, id)
  assert.equal(await talk(port, it), '=== boot\nweb login: ')
  assert.equal(await talk(port, it), '=== boot\nweb login: ', 'a token can be used until it ends')
  assert.equal(await counts(cloud, it), true)
  assert.equal(await talk(port, 'made-up-canary'), 'refused')
  assert.ok(cloud.log.lines.some(line => line.message === 'a console is opened'))
  for (const secret of [it, 'made-up-canary']) assert.ok(!JSON.stringify(cloud.log.lines).includes(secret))
})

test('the page of consoles runs only its own script, sends its address nowhere, and writes no markup', async () => {
  await using cloud = await novaAlone()
  const [page, script, style] = await Promise.all(['/', '/console.js', '/console.css'].map(path => cloud.page(path)))
  assert.deepEqual([page, script, style].map(one => [one!.status, one!.headers['content-type']]), [[200, 'text/html; charset=utf-8'], [200, 'text/javascript; charset=utf-8'], [200, 'text/css; charset=utf-8']])
  assert.match(page!.headers['content-security-policy']!, /^default-src 'none'; script-src 'self';/)
  assert.equal(page!.headers['referrer-policy'], 'no-referrer')
  assert.doesNotMatch(script!.body as string, /innerHTML|outerHTML|document\.write|insertAdjacent|eval/)
  assert.doesNotThrow(() => new Script(script!.body as string))
})

for (const [where, crossing] of [['its own host', false], ['another host', true]] as const) {
  test(`bytes go both ways between a client and a guest on ${where}, until the guest ends`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'alto-console-'))
    await using undo = new AsyncDisposableStack()
    undo.defer(() => rm(directory, { recursive: true }))
    const guest = createServer(socket => socket.on('data', said => { socket.write(`heard ${String(said)}`); if (String(said) === 'exit') socket.end() }))
    guest.listen(join(directory, 'serial'))
    await once(guest, 'listening')
    undo.defer(() => { guest.close() })
    await using cloud = await novaAlone({
      console: async () => ({ kind: 'unix', path: join(directory, 'serial') }),
      ...(crossing && { link: clock => listenForData({ address: '127.0.0.1', port: 0, secret: SECRET, clock, ids: seededIds('host'), log: silentLog }) }),
    })
    const id = await cloud.server()
    const port = await cloud.listen()
    assert.equal(await talk(port, await token(cloud, id), 'exit'), 'heard exit')
    const [answered] = cloud.log.lines.filter(line => line.message === 'a console is opened').map(({ fields }) => [fields['serverId'], fields['host'], fields['console']])
    assert.deepEqual(answered, [id, 'h1', 'serial'])
  })
}

test('a token opens five consoles at once and a server has ten: one that is closed makes room, and other servers have their own', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'alto-console-'))
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(directory, { recursive: true }))
  const guest = createServer(socket => { socket.on('error', () => {}); socket.resume() })
  guest.listen(join(directory, 'serial'))
  await once(guest, 'listening')
  undo.defer(() => { guest.close() })
  await using cloud = await novaAlone({ console: async () => ({ kind: 'unix', path: join(directory, 'serial') }) })
  const [busy, other] = [await cloud.server(), await cloud.server()]
  const port = await cloud.listen()
  const open = async (it: string) => {
    const websocket = new WebSocket(`ws://127.0.0.1:${port}/console/?token=${it}`, ['binary'])
    undo.defer(() => websocket.close())
    return await Promise.race([once(websocket, 'open').then(() => websocket), once(websocket, 'error').then(() => undefined)])
  }
  const opened = async (it: string, times: number) => (await Promise.all(Array.from({ length: times }, () => open(it)))).filter(one => one !== undefined)
  const refusals = () => cloud.log.lines.filter(line => line.fields['code'] === 'nova.console.busy').map(line => line.message)
  const [first, second, third] = [await token(cloud, busy), await token(cloud, busy), await token(cloud, busy)]
  const visits = await opened(first, 7)
  assert.deepEqual([visits.length, refusals()], [5, Array.from({ length: 2 }, () => 'The console\'s URL has opened it 5 times already. Close one.')])
  assert.equal((await opened(second, 5)).length, 5)
  assert.deepEqual([await opened(third, 1), refusals().at(-1)], [[], `Server ${busy} has 10 consoles open already. Close one.`])
  assert.equal((await opened(await token(cloud, other), 1)).length, 1)
  visits[0]!.close()
  await once(visits[0]!, 'close')
  for (let again: unknown; !again;) again = await open(third)
})

test('a console whose guest is just gone is refused by its own host, and ends at once on another; who has no secret gets nowhere', async () => {
  const gone = async () => ({ kind: 'unix', path: join(tmpdir(), 'alto-no-such-guest') } as const)
  const link = (clock: ManualClock) => listenForData({ address: '127.0.0.1', port: 0, secret: SECRET, clock, ids: seededIds('host'), log: silentLog })
  await using near = await novaAlone({ console: gone })
  assert.equal(await talk(await near.listen(), await token(near, await near.server())), 'refused')
  await using far = await novaAlone({ console: gone, link })
  assert.equal(await talk(await far.listen(), await token(far, await far.server())), '')
  assert.ok(far.log.lines.some(line => line.message === 'a console was gone before its visitor came'))
  await using stranger = await novaAlone({ console: gone, link, dataSecret: 'another' })
  assert.equal(await talk(await stranger.listen(), await token(stranger, await stranger.server())), 'refused')
})

test('of a host and a controller of which one is newer, the one that cannot go on says which is to be upgraded', async () => {
  const said = async (cloud: Cloud) => {
    assert.equal(await talk(await cloud.listen(), await token(cloud, await cloud.server())), 'refused')
    return cloud.log.lines.filter(line => line.fields['code'] === 'nova.console.unknown' || line.fields['code'] === 'rpc.peerTooOld').map(line => line.message)
  }
  await using newerHost = await novaAlone({ console: async () => ({ kind: 'hologram' }) as never })
  assert.deepEqual(await said(newerHost), ['Host h1 offers its console in a way that this controller does not know (hologram): the host is newer. Upgrade the controllers first.'])
  await using olderController = await novaAlone({
    bus: older('compute-control', '1.0'), console: async () => ({ kind: 'unix', path: '/nowhere' }), link: clock => listenForData({ address: '127.0.0.1', port: 0, secret: SECRET, clock, ids: seededIds('host'), log: silentLog }),
  })
  assert.deepEqual(await said(olderController), ['a console of another host needs version 1.1; nova speaks 1.0'])
})

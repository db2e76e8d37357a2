import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../clock/index.ts'
import { systemIds } from '../ids/index.ts'
import { addNamespace, commandHost, listenIn, listNamespaces, namespaceCommands, namespaceOf, readAddresses, readLinks, removeNamespace } from './index.ts'

async function scratch(t: TestContext) {
  const netns = namespaceOf({ cloud: systemIds.hex().slice(0, 8), host: 'test' })
  const commands = namespaceCommands(commandHost, systemClock)
  t.after(async () => {
    await commands.close()
    await removeNamespace(commandHost, netns)
  })
  assert.equal(await addNamespace(commandHost, netns), true)
  assert.equal(await addNamespace(commandHost, netns), false)
  return { netns, commands }
}

test('a batch of link commands goes on after a failure, which names its line', async t => {
  const { netns, commands } = await scratch(t)
  await commands.ip(netns, ['link add name br1 type bridge'])
  await assert.rejects(commands.ip(netns, ['link add name br1 type bridge', 'link set dev br1 mtu 1400', 'address add 10.9.0.1/24 dev br1']), /link add name br1 type bridge: RTNETLINK answers: File exists/)
  await commands.ip(netns, ['link add name br1 type bridge'], { tolerate: /File exists/ })
  assert.deepEqual((await readLinks(commandHost, netns)).map(l => [l.ifname, l.kind, l.mtu]).at(-1), ['br1', 'bridge', 1400])
  assert.deepEqual((await readAddresses(commandHost, netns)).get('br1'), ['10.9.0.1/24'])
})

test('nftables commands are one transaction: when one fails, none is done', async t => {
  const { netns, commands } = await scratch(t)
  await commands.nft(netns, ['add table inet alto-x', 'add chain inet alto-x first'])
  await assert.rejects(commands.nft(netns, ['add chain inet alto-x second', 'add rule inet alto-x nothere drop']), /No such file/)
  const { stdout } = await commandHost.run(['nft', 'list', 'ruleset'], { netns })
  assert.match(stdout, /chain first/)
  assert.doesNotMatch(stdout, /second/)
})

test('a long transaction and a longer one, which goes another way, are both done', async t => {
  const { netns, commands } = await scratch(t)
  for (const [name, count] of [['long', 300], ['longer', 3000]] as const) {
    const addresses = Array.from({ length: count }, (_, i) => `add element inet alto-x ${name} { 10.${i >> 16}.${(i >> 8) & 255}.${i & 255} }`)
    await commands.nft(netns, ['add table inet alto-x', `add set inet alto-x ${name} { type ipv4_addr; }`, ...addresses])
    const { stdout } = await commandHost.run(['nft', '-j', 'list', 'set', 'inet', 'alto-x', name], { netns })
    assert.equal((JSON.parse(stdout) as { nftables: { set?: { elem: string[] } }[] }).nftables[1]?.set?.elem.length, count)
  }
})

test('a command that ends its helper is a failure, and the next command gets a new one', async t => {
  const { netns, commands } = await scratch(t)
  await assert.rejects(commands.ip(netns, ['link set dev lo mtu notanumber']), /notanumber/)
  await commands.ip(netns, ['link add name br2 type bridge'])
})

test('released helpers let their namespace go', async t => {
  const { netns, commands } = await scratch(t)
  await commands.ip(netns, ['link add name br1 type bridge'])
  await commands.nft(netns, ['add table inet alto-x'])
  await commands.release(netns)
  await removeNamespace(commandHost, netns)
  assert.equal((await listNamespaces()).includes(netns), false)
})

test('a socket opened inside a namespace is served from this process', async t => {
  const { netns } = await scratch(t)
  const server = await listenIn(netns, '127.0.0.1', 80)
  t.after(() => server.close())
  const web = createServer((request, response) => response.end(`you asked for ${request.url}`))
  server.on('connection', socket => web.emit('connection', socket))

  const { stdout } = await commandHost.run([process.execPath, '-e', 'fetch("http://127.0.0.1/x").then(r => r.text()).then(console.log)'], { netns })
  assert.equal(stdout, 'you asked for /x\n')
  const [error] = await once(get('http://127.0.0.1:80/x'), 'error') as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED', 'it listens there, not here')
  await assert.rejects(listenIn(netns, '127.0.0.1', 80), /EADDRINUSE/)
})

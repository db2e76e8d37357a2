import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entriesSeen, forwardingChanges, forwardingEntries, forwardingOf, peersIn } from './tunnels.ts'

const [A, B, SHARED] = ['fa:16:3e:00:00:0a', 'fa:16:3e:00:00:0b', 'fa:16:3e:00:00:5a']
const changes = (before: ReadonlySet<string>, after: ReadonlySet<string>) => forwardingChanges('vx1', before, after)

test('a frame for a MAC of another host goes to that host alone; what is for everybody goes once to each host that has the network', () => {
  const peers = new Map([['two', '192.0.2.2'], ['three', '192.0.2.3']])
  const forwarding = forwardingOf([
    { host: 'here', macs: ['fa:16:3e:00:00:01'] }, { host: 'two', macs: [A] }, { host: 'three', macs: [B] }, { macs: ['fa:16:3e:00:00:02'] }, { host: 'without-tunnels', macs: ['fa:16:3e:00:00:03'] },
  ], peers)
  assert.deepEqual(forwarding, [{ mac: A, to: '192.0.2.2' }, { mac: B, to: '192.0.2.3' }])
  assert.deepEqual(changes(new Set(), forwardingEntries({ peers: ['192.0.2.2', '192.0.2.3'], forwarding })), [
    'fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.2 self permanent', 'fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.3 self permanent',
    `fdb replace ${A} dev vx1 master static`, `fdb replace ${A} dev vx1 dst 192.0.2.2 self permanent`,
    `fdb replace ${B} dev vx1 master static`, `fdb replace ${B} dev vx1 dst 192.0.2.3 self permanent`,
  ])
})

test('a MAC that several hosts have, or that is here too, has no entry', () => {
  const peers = new Map([['two', '192.0.2.2'], ['three', '192.0.2.3']])
  assert.deepEqual(forwardingOf([{ host: 'two', macs: [A, SHARED] }, { host: 'three', macs: [SHARED] }, { host: 'here', macs: [B] }, { host: 'two', macs: [B] }], peers), [{ mac: A, to: '192.0.2.2' }])
  assert.deepEqual(forwardingOf([{ host: 'two', macs: [A, SHARED] }, { host: 'two', macs: [SHARED] }], peers).map(one => one.mac), [A, SHARED])
})

test('a MAC that moves is replaced, one that is gone or moves here is taken away, and a host that has the network no longer is sent nothing', () => {
  const before = forwardingEntries({ peers: ['192.0.2.2', '192.0.2.3'], forwarding: [{ mac: A, to: '192.0.2.2' }, { mac: B, to: '192.0.2.2' }] })
  assert.deepEqual(changes(before, forwardingEntries({ peers: ['192.0.2.3'], forwarding: [{ mac: A, to: '192.0.2.3' }] })), [
    `fdb replace ${A} dev vx1 dst 192.0.2.3 self permanent`,
    'fdb delete 00:00:00:00:00:00 dev vx1 dst 192.0.2.2 self', `fdb delete ${B} dev vx1 master`, `fdb delete ${B} dev vx1 dst 192.0.2.2 self`,
  ])
  assert.deepEqual(changes(before, before), [])
})

test('what the kernel shows is read back as the entries that were made; the links\' own addresses are none', () => {
  const seen = entriesSeen([
    { mac: '00:00:00:00:00:00', ifname: 'vx1', dst: '192.0.2.2', state: 'permanent' }, { mac: A, ifname: 'vx1', dst: '192.0.2.2', state: 'permanent' }, { mac: A, ifname: 'vx1', state: 'static' },
    { mac: '3e:05:25:41:85:7a', ifname: 'vx1', state: 'permanent' }, { mac: B, ifname: 'tap1' },
  ])
  assert.deepEqual(seen, new Map([['vx1', forwardingEntries({ peers: ['192.0.2.2'], forwarding: [{ mac: A, to: '192.0.2.2' }] })]]))
  assert.deepEqual(peersIn(seen.get('vx1')!), ['192.0.2.2'])
})

test('what is no address becomes no command', () => {
  assert.throws(() => forwardingEntries({ peers: ['192.0.2.2\nlink delete dev eth0'], forwarding: [] }), { code: 'neutron.address.invalid' })
})

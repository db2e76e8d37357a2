import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dnsmasqArguments, dnsmasqHosts, dnsmasqNames, dnsmasqOptions, withoutStaleLeases } from './dnsmasq.ts'
import type { DhcpPlan } from './plans.ts'

const plan: DhcpPlan = {
  networkId: 'n', mtu: 1450, link: { portId: 'pppppppp-pppp', networkId: 'n', mac: 'fa:16:3e:00:00:02', mtu: 1450, addresses: ['10.0.0.2/24', '10.1.0.2/16'] },
  subnets: [
    { subnetId: 'a', cidr: '10.0.0.0/24', gateway: '10.0.0.1', dns: [], routes: [{ destination: '192.0.2.0/24', nexthop: '10.0.0.9' }] },
    { subnetId: 'b', cidr: '10.1.0.0/16', dns: ['192.0.2.53', '192.0.2.54'], routes: [] },
    { subnetId: 'c', cidr: 'fd00::/64', dns: [], routes: [] },
  ],
  hosts: [
    { portId: 'p1', subnetId: 'a', mac: 'fa:16:3e:00:00:05', address: '10.0.0.5', name: 'web', options: [{ name: 'bootfile-name', value: 'pxe,0' }, { name: '150', value: '10.0.0.3' }] },
    { portId: 'p2', subnetId: 'c', mac: 'fa:16:3e:00:00:06', address: 'fd00::6', name: 'six', options: [] },
  ],
}

test('each subnet is told its routes, metadata among them, its router and its name servers', () => {
  assert.deepEqual(dnsmasqOptions(plan).trimEnd().split('\n'), [
    'tag:subnet-a,option:dns-server,10.0.0.2',
    'tag:subnet-a,option:classless-static-route,169.254.169.254/32,10.0.0.2,192.0.2.0/24,10.0.0.9,0.0.0.0/0,10.0.0.1',
    'tag:subnet-a,249,169.254.169.254/32,10.0.0.2,192.0.2.0/24,10.0.0.9,0.0.0.0/0,10.0.0.1',
    'tag:subnet-a,option:router,10.0.0.1',
    'tag:subnet-b,option:dns-server,192.0.2.53,192.0.2.54',
    'tag:subnet-b,option:classless-static-route,169.254.169.254/32,10.1.0.2',
    'tag:subnet-b,249,169.254.169.254/32,10.1.0.2',
    'tag:subnet-b,option:router',
    'tag:port-p1,option:bootfile-name,pxe,0',
    'tag:port-p1,150,10.0.0.3',
  ])
  assert.equal(dnsmasqHosts(plan), 'fa:16:3e:00:00:05,set:port-p1,web.openstacklocal,10.0.0.5\n')
  assert.equal(dnsmasqNames(plan), '10.0.0.5\tweb.openstacklocal web\nfd00::6\tsix.openstacklocal six\n')
})

test('a port\'s values cannot become options or lines of their own, and do not stop the others', () => {
  const [host] = plan.hosts
  const hostile = (more: object) => ({ ...plan, hosts: [...plan.hosts, { ...host!, portId: 'p3', address: '10.0.0.66', ...more }] })
  for (const option of [{ name: '150', value: 'a\nlog-dhcp' }, { name: '150', value: 'a\rb' }, { name: 'a,b', value: 'x' }, { name: 'tftp\n', value: 'x' }, { name: '', value: 'x' }]) {
    assert.equal(dnsmasqOptions(hostile({ options: [option] })), dnsmasqOptions(plan))
  }
  for (const name of ['web,10.0.0.67', 'web\n10.0.0.67 x', '-x', 'a..b', '']) {
    assert.equal(dnsmasqHosts(hostile({ name, options: [] })), `${dnsmasqHosts(plan)}fa:16:3e:00:00:05,10.0.0.66\n`)
    assert.equal(dnsmasqNames(hostile({ name })), dnsmasqNames(plan))
  }
})

test('the command line does not change when ports come and go', () => {
  const paths = { pid: '/r/pid', hosts: '/r/hosts', options: '/r/options', names: '/r/names', leases: '/r/leases' }
  assert.deepEqual(dnsmasqArguments(plan, paths), dnsmasqArguments({ ...plan, hosts: [] }, paths))
  assert.deepEqual(dnsmasqArguments(plan, paths).filter(a => a.startsWith('--dhcp-range')), [
    '--dhcp-range=set:subnet-a,10.0.0.0,static,255.255.255.0,86400s', '--dhcp-range=set:subnet-b,10.1.0.0,static,255.255.0.0,86400s',
  ])
})

test('a lease of an address that another port has now is dropped, confirmed ones are kept', () => {
  const good = '1700000000 fa:16:3e:00:00:05 10.0.0.5 web *'
  assert.equal(withoutStaleLeases(`${good}\n`, plan), undefined)
  assert.equal(withoutStaleLeases(`${good}\n1700000000 fa:16:3e:00:00:99 10.0.0.5 old *\nduid 00:01\n`, plan), `${good}\nduid 00:01\n`)
})

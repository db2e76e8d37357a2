import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededIds } from '@alto/kit/ids'
import { databasesUnderTest } from '@alto/kit/testing'
import { formatAddress } from '../model/addresses.ts'
import { newStandard } from '../model/standard.ts'
import * as addresses from './addresses.ts'
import * as networks from './networks.ts'
import * as ports from './ports.ts'
import * as subnets from './subnets.ts'
import { migrations, type Tables } from './tables.ts'

const standard = (id: string) => newStandard({ id, projectId: 'p' }, 0)
const POOLS = [{ start: '10.0.0.10', end: '10.0.0.17' }, { start: '10.0.0.40', end: '10.0.0.41' }]

for (const { name, open } of databasesUnderTest<Tables>()) {
  test(`${name}: every address of the pools is found before there is none, in whatever order they are given back`, async () => {
    await using database = await open(migrations)
    const { db } = database
    await db.write(async tx => {
      await networks.insert(tx, { ...standard('n'), name: '', adminUp: true, shared: false, external: false, isDefault: false, mtu: 1500, portSecurity: true, networkType: 'local', physicalNetwork: null, segmentationId: null })
      await subnets.insert(tx, {
        ...standard('s'), networkId: 'n', name: '', ipVersion: 4, cidr: '10.0.0.0/24', gatewayIp: null, enableDhcp: false, ipv6AddressMode: null, ipv6RaMode: null, pools: POOLS, dns: [], hostRoutes: [], serviceTypes: [],
      })
    })
    const ids = seededIds(name)
    const draw = (n: bigint) => BigInt(ids.below(Number(n)))
    let made = 0
    const take = () => db.write(async tx => {
      const address = await addresses.findFree(tx, 's', POOLS, draw)
      if (!address) return undefined
      const id = `port-${made++}`
      await ports.insert(tx, {
        ...standard(id), networkId: 'n', name: '', adminUp: true, status: 'DOWN', mac: `fa:16:3e:00:00:${made.toString(16).padStart(2, '0')}`, deviceId: '', deviceOwner: '', portSecurity: false, securityGroups: [],
        fixedIps: [addresses.fixedIp('s', address)], allowedAddressPairs: [], extraDhcpOptions: [], dnsName: '', bindingHost: '', bindingProfile: {}, vnicType: 'normal', vifType: 'unbound',
      })
      return { id, address: formatAddress(address) }
    })
    const held = new Map<string, string>()
    for (let round = 0; round < 8; round++) {
      for (let got = await take(); got; got = await take()) {
        assert.ok(![...held.values()].includes(got.address), `${got.address} was given twice`)
        held.set(got.id, got.address)
      }
      assert.equal(held.size, 10)
      for (const id of [...held.keys()].filter(() => ids.below(2) === 0)) {
        await db.write(tx => ports.remove(tx, id))
        held.delete(id)
      }
    }
  })
}

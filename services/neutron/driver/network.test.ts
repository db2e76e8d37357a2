// The conformance suite on every driver there is. The Linux one needs root and the Debian packages.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { makeMachine } from '../test/machines.ts'
import { fakeNetwork } from './fake.ts'
import { eraseLinuxNetwork, linuxNetwork } from './linux/driver.ts'
import { networkConformance } from './network.conformance.ts'

networkConformance('fake', async () => ({ driver: fakeNetwork({ cloud: '0123abcd', hostName: 'here', tunnelAddress: '192.0.2.1' }), erase: async () => {} }))

networkConformance('linux', async () => {
  const runDirectory = await mkdtemp(join(tmpdir(), 'alto-net-'))
  const machine = await makeMachine()
  await machine.commands.ip('', ['address add 192.0.2.1/32 dev lo'])
  const options = { ...machine, cloud: systemIds.hex().slice(0, 8), hostName: 'test', tunnelAddress: '192.0.2.1', runDirectory, clock: systemClock, log: silentLog }
  return {
    driver: await linuxNetwork(options, (_, socket) => socket.destroy()),
    async erase() {
      await eraseLinuxNetwork(options)
      await machine[Symbol.asyncDispose]()
      await rm(runDirectory, { recursive: true })
    },
  }
})

// The conformance suite on every driver there is. The Linux one needs root and the Debian packages.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@alto/kit/clock'
import { commandHost, namespaceCommands } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { silentLog } from '@alto/kit/log'
import { fakeNetwork } from './fake.ts'
import { eraseLinuxNetwork, linuxNetwork } from './linux/driver.ts'
import { networkConformance } from './network.conformance.ts'

networkConformance('fake', async () => ({ driver: fakeNetwork({ cloud: '0123abcd', hostName: 'here' }), erase: async () => {} }))

networkConformance('linux', async () => {
  const runDirectory = await mkdtemp(join(tmpdir(), 'alto-net-'))
  const commands = namespaceCommands(commandHost, systemClock)
  const options = { cloud: systemIds.hex().slice(0, 8), hostName: 'test', runDirectory, host: commandHost, commands, clock: systemClock, log: silentLog }
  return {
    driver: await linuxNetwork(options, (_, socket) => socket.destroy()),
    async erase() {
      await eraseLinuxNetwork(options)
      await commands.close()
      await rm(runDirectory, { recursive: true })
    },
  }
})

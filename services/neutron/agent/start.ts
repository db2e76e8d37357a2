// An agent with all that it needs, on a real or a fake host.
import { join } from 'node:path'
import type { NetworkControl } from '@alto/contracts/network-agent'
import type { Clock } from '@alto/kit/clock'
import { commandHost, namespaceCommands } from '@alto/kit/host'
import type { Log } from '@alto/kit/log'
import { fakeNetwork } from '../driver/fake.ts'
import { linuxNetwork } from '../driver/linux/driver.ts'
import type { NetworkDriver } from '../driver/network.ts'
import { databaseEpochFile } from './database-epoch.ts'
import { metadataProxy, type MetadataProxyOptions } from './metadata.ts'
import { startNetworkAgent, type NetworkAgentOptions, type RunningNetworkAgent } from './network-agent.ts'
import { Rows } from './rows.ts'

/** What an agent is told of its host and its cloud. */
export interface NetworkHostOptions {
  /** The cloud's id: 8 hexadecimal digits. */
  readonly cloud: string
  readonly host: string
  readonly incarnation: string
  readonly control: NetworkControl
  /** Absolute, ours alone, kept while the machine runs. */
  readonly runDirectory: string
  /** IPv4, held by the machine: where other hosts' tunnels reach this one. None: its networks stay on this host. */
  readonly tunnelAddress?: string
  /** Whether DHCP and routers may be placed on this host; true when not given. */
  readonly gateway?: boolean
  readonly clock: Clock
  readonly log: Log
  readonly pollMs?: number
}

/** An agent whose networks are the machine's: needs root, and the packages iproute2, nftables, dnsmasq-base, conntrack. */
export async function startLinuxNetworkAgent(options: NetworkHostOptions & { metadata: Pick<MetadataProxyOptions, 'fetch' | 'url' | 'secret'> }): Promise<RunningNetworkAgent> {
  const rows = new Rows()
  const commands = namespaceCommands(commandHost, options.clock)
  const proxy = metadataProxy({ ...options.metadata, rows, log: options.log })
  const driver = await linuxNetwork({ ...options, hostName: options.host, host: commandHost, commands }, proxy.listener)
  return running(options, rows, driver, async () => {
    proxy.close()
    await commands.close()
  })
}

/** A fake host that outlives its agent, and what the agent notes there. */
export interface FakeNetworkHost {
  readonly driver: NetworkDriver
  readonly databaseEpoch: NetworkAgentOptions['databaseEpoch']
}

/** An agent whose networks are only told of: on a host of its own, or on one that was there before. */
export function startFakeNetworkAgent(options: NetworkHostOptions & { readonly on?: FakeNetworkHost }): RunningNetworkAgent {
  return running(options, new Rows(), options.on?.driver ?? fakeNetwork({ ...options, hostName: options.host }), async () => {}, options.on?.databaseEpoch)
}

function running(options: NetworkHostOptions, rows: Rows, driver: NetworkDriver, close: () => Promise<void>, databaseEpoch = databaseEpochFile(join(options.runDirectory, 'database-epoch'))): RunningNetworkAgent {
  const agent = startNetworkAgent({ ...options, rows, driver, databaseEpoch })
  return {
    ...agent,
    async stop() {
      await agent.stop()
      await driver.close()
      await close()
    },
  }
}

// What runs on this host: the agents of compute, network and volumes, on real or fake drivers. They hold no truth: they ask the controllers.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { computeAgent, computeControl, type ComputeAgent } from '@alto/contracts/compute-agent'
import { networkAgent, networkControl, type NetworkAgent } from '@alto/contracts/network-agent'
import { volumeAgent, volumeControl, type VolumeAgent } from '@alto/contracts/volume-agent'
import type { Clock } from '@alto/kit/clock'
import { qemuImg } from '@alto/kit/disk'
import { commandHost, namespaceCommands, namespaceOf } from '@alto/kit/host'
import type { Fetch } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { client, type Transport } from '@alto/kit/rpc'
import { fakeDisks, fileDisks, volumeAgentOn } from '@alto/cinder'
import { eraseLinuxNetwork, startFakeNetworkAgent, startLinuxNetworkAgent } from '@alto/neutron'
import { computeAgentOn, fakeHypervisor, qemuHypervisor, type Images } from '@alto/nova'
import type { DataDirectory } from './data-directory.ts'

/** What the agents are made from. */
export interface HostSideOptions {
  /** The host's name in every service's rows. */
  host: string
  /** Set for the second and further fake hosts of one process: their run files lie apart. */
  apart?: boolean
  data: DataDirectory
  /** Real: QEMU, the machine's networks, files. */
  kinds: { compute: 'real' | 'fake', network: 'real' | 'fake', volume: 'real' | 'fake' }
  transport: Transport
  images: Images
  /** Reaches Nova's metadata service. */
  fetch: Fetch
  clock: Clock
  ids: Ids
  log: Log
}

/** The agents of one host. */
export interface HostSide {
  readonly agents: { compute: ComputeAgent, network: NetworkAgent, volume: VolumeAgent }
  /** Stops the agents. Guests and networks go on when they are to be kept; else guests are shut down, and then the networks are taken away. */
  stop(opts: { keepGuests: boolean }): Promise<void>
}

/** How long guests get to shut down, milliseconds. */
const SHUTDOWN = 20_000

/** Starts the agents of a host. What fails on the way is thrown, and what was started is stopped. */
export async function startHostSide(opts: HostSideOptions): Promise<HostSide> {
  const { host, data, transport, clock, log } = opts
  const { kinds } = opts
  const incarnation = opts.ids.uuid()
  const where = { cloud: data.cloud, host }
  const common = { host, incarnation, clock, log }
  const netns = namespaceOf(where)
  const networkRun = join(data.run, opts.apart ? `network-${host}` : 'network')
  const novaRun = join(data.run, 'nova')

  const hypervisor = kinds.compute === 'real'
    ? await qemuHypervisor({ host: commandHost, clock, data: data.at('guests'), run: novaRun, mark: netns, netns })
    : fakeHypervisor({ clock, vcpus: 64, memoryMib: 256 * 1024, diskGib: 4096 })
  const networkOptions = { ...common, cloud: data.cloud, control: client(networkControl, transport, 'neutron'), runDirectory: networkRun }
  const network = kinds.network === 'real'
    ? await startLinuxNetworkAgent({ ...networkOptions, metadata: { fetch: whatwg(opts.fetch), url: 'http://nova/metadata-internal', secret: data.secrets.metadataSecret } })
    : startFakeNetworkAgent(networkOptions)
  const compute = computeAgentOn({ ...common, driver: hypervisor, images: opts.images, control: client(computeControl, transport, 'nova') })
  const volume = volumeAgentOn({ ...common, images: opts.images, control: client(volumeControl, transport, 'cinder'), driver: kinds.volume === 'real' ? fileDisks({ directory: data.at('volumes'), cloud: data.cloud, images: qemuImg(commandHost) }) : fakeDisks() })
  transport.serve(volumeAgent, host, volume.agent)
  transport.serve(networkAgent, host, network.agent)
  transport.serve(computeAgent, host, compute.agent)
  await volume.start()
  await compute.start()

  return {
    agents: { compute: compute.agent, network: network.agent, volume: volume.agent },
    async stop({ keepGuests }) {
      await compute.stop()
      if (!keepGuests) await compute.shutDownGuests(SHUTDOWN)
      await hypervisor.close()
      await volume.stop()
      await network.stop()
      if (keepGuests) return
      if (kinds.network === 'real') {
        const commands = namespaceCommands(commandHost, clock)
        await eraseLinuxNetwork({ ...where, hostName: host, runDirectory: networkRun, host: commandHost, commands, clock, log })
        await commands.close()
      }
      await Promise.all([networkRun, novaRun].map(dir => rm(dir, { recursive: true, force: true })))
    },
  }
}

/** Our own fetch in the shape of the platform's. */
function whatwg(fetch: Fetch): (request: Request) => Promise<Response> {
  return async request => {
    const { pathname, search } = new URL(request.url)
    const body = request.body ? new Uint8Array(await request.arrayBuffer()) : undefined
    const answer = await fetch({ method: request.method, url: pathname + search, headers: Object.fromEntries(request.headers), body })
    const text = await answer.text()
    const headers = Object.entries(answer.headers).filter((pair): pair is [string, string] => pair[1] !== undefined)
    return new Response(text === '' ? null : text, { status: answer.status, headers })
  }
}

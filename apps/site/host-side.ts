// What runs on a host: the agents of compute, network and volumes, on real or fake drivers. They hold no truth: they ask the controllers.
import { rm } from 'node:fs/promises'
import { computeAgent, computeControl } from '@alto/contracts/compute-agent'
import { networkAgent, networkControl } from '@alto/contracts/network-agent'
import { volumeAgent, volumeControl } from '@alto/contracts/volume-agent'
import type { Clock } from '@alto/kit/clock'
import { listenForData } from '@alto/kit/data-link'
import { qemuImg } from '@alto/kit/disk'
import { commandHost, namespaceCommands, namespaceOf } from '@alto/kit/host'
import type { Fetch } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { imageClient, restClient, type ServiceSession } from '@alto/kit/openstack'
import { client, refuseOldPeer, type Serving, type Transport } from '@alto/kit/rpc'
import { fakeDisks, fileDisks, volumeAgentOn, type DiskStore } from '@alto/cinder'
import { eraseLinuxNetwork, startFakeNetworkAgent, startLinuxNetworkAgent, type FakeNetworkHost } from '@alto/neutron'
import { computeAgentOn, fakeHypervisor, qemuHypervisor, type Hypervisor, type Images } from '@alto/nova'
import type { Controller } from './controller.ts'

/** Where compute, network and volumes are real: QEMU, the machine's networks, files. */
export interface Kinds { compute: 'real' | 'fake', network: 'real' | 'fake', volume: 'real' | 'fake' }

/** What the agents are made from. */
export interface HostSideOptions {
  /** The host's name in every service's rows. */
  host: string
  /** The cloud's id: the mark of everything that is made here. */
  cloud: string
  /** Which agents run here. */
  roles: readonly HostRole[]
  kinds: Kinds
  /** What fake drivers keep, where it outlives the agents; fresh ones when not given. */
  fakes?: { compute: Hypervisor, network: FakeNetworkHost, volume: DiskStore } | undefined
  directories: {
    /** Disks of guests and of volumes. */
    guests: string
    volumes: string
    /** Sockets and pidfiles: short, and gone after a reboot of the machine. One for each agent. */
    run: { compute: string, network: string, volume: string }
  }
  /** Shared with Nova. */
  metadataSecret: string
  /** Where this host is reached by the others for networks and volumes; undefined: they stay on the host. */
  tunnelAddress?: string | undefined
  /** Where controllers reach this host for bytes that are no messages; undefined: consoles are reached by a controller on this machine only. Needs the data secret. */
  data?: { address: string, port: number } | undefined
  /** Shared by the controllers and all hosts: the keys of what they send each other derive from it. Without it, and without a tunnel address, volumes do not leave the host. */
  dataSecret?: string | undefined
  transport: Transport
  /** Reaches the controller's services; URLs are paths. */
  fetch: Fetch
  /** Nova's user, who reads and writes images. */
  session: ServiceSession
  /** Asks a Glance of this process for the file with an image's bytes, as whose token it is; undefined where it has none, and then they are downloaded. */
  imageFile?: Controller['imageFile']
  clock: Clock
  ids: Ids
  log: Log
}

/** The agents of a host. */
export const HOST_ROLES = ['compute', 'network', 'volume'] as const
export type HostRole = typeof HOST_ROLES[number]

/** The agents of one host, running. */
export interface HostSide {
  /** Stops the agents. Guests and networks go on when they are to be kept; else guests are shut down, and then the networks are taken away. */
  stop(opts: { keepGuests: boolean }): Promise<void>
}

/** How long guests get to shut down, milliseconds. */
const SHUTDOWN = 20_000

/** Starts the agents of a host. What fails on the way is thrown, and what was started is stopped. */
export async function startHostSide(opts: HostSideOptions): Promise<HostSide> {
  const { host, cloud, kinds, directories, roles, transport, clock, log } = opts
  const incarnation = opts.ids.uuid()
  const common = { host, incarnation, clock, log }
  const image = imageClient(restClient('image', '/image', { fetch: opts.fetch, session: opts.session, clock }))
  const images: Images = {
    async open(wanted) { return await opts.imageFile?.(await opts.session.token(), wanted) ?? image.download(wanted.id) },
    upload: (id, content) => image.upload(id, content.read()),
  }
  const netns = namespaceOf({ cloud, host })
  await using undo = new AsyncDisposableStack()
  const ending = { keepGuests: true }

  // Last to go: guests have their taps there.
  if (roles.includes('network') || roles.includes('compute')) {
    const options = {
      ...common, cloud, control: client(networkControl, transport, 'neutron'), runDirectory: directories.run.network, gateway: roles.includes('network'),
      ...(opts.tunnelAddress !== undefined && { tunnelAddress: opts.tunnelAddress }),
    }
    const network = kinds.network === 'real'
      ? await startLinuxNetworkAgent({ ...options, metadata: { fetch: whatwg(opts.fetch), url: 'http://nova/metadata-internal', secret: opts.metadataSecret } })
      : startFakeNetworkAgent({ ...options, ...(opts.fakes && { on: opts.fakes.network }) })
    undo.defer(async () => {
      await network.stop()
      if (!ending.keepGuests && kinds.network === 'real') await eraseNetworks(opts)
      if (!ending.keepGuests) await rm(directories.run.network, { recursive: true, force: true })
    })
    serve(undo, transport.serve(networkAgent, host, network.agent))
  }
  if (roles.includes('volume')) {
    const { tunnelAddress: address, dataSecret: secret } = opts
    const exporting = address !== undefined && secret !== undefined && { clock, run: directories.run.volume, mark: netns, address, secret }
    const driver = kinds.volume === 'real' ? fileDisks({ directory: directories.volumes, cloud, images: qemuImg(commandHost), ...(exporting && { exporting }) }) : opts.fakes?.volume ?? fakeDisks()
    const volume = volumeAgentOn({ ...common, images, control: client(volumeControl, transport, 'cinder'), driver })
    undo.defer(async () => {
      await volume.stop()
      if (!ending.keepGuests) await driver.endExports()
    })
    serve(undo, transport.serve(volumeAgent, host, volume.agent))
    await volume.start()
  }
  if (roles.includes('compute')) {
    const hypervisor = kinds.compute === 'real'
      ? await qemuHypervisor({ host: commandHost, clock, data: directories.guests, run: directories.run.compute, mark: netns, netns, ...(opts.dataSecret !== undefined && { dataSecret: opts.dataSecret }) })
      : opts.fakes?.compute ?? fakeHypervisor({ clock, vcpus: 64, memoryMib: 256 * 1024, diskGib: 4096 })
    undo.defer(async () => {
      await hypervisor.close()
      if (!ending.keepGuests) await rm(directories.run.compute, { recursive: true, force: true })
    })
    const link = opts.data && opts.dataSecret !== undefined ? await listenForData({ ...opts.data, secret: opts.dataSecret, clock, ids: opts.ids, log }) : undefined
    undo.defer(() => link?.close())
    const compute = computeAgentOn({
      ...common, link, driver: hypervisor, images, control: client(computeControl, transport, 'nova'),
      refuseOldControllers: (since, what) => refuseOldPeer(transport, { contract: computeControl.name, target: 'nova', since, what }),
    })
    undo.defer(async () => {
      await compute.stop()
      if (!ending.keepGuests) await compute.shutDownGuests(SHUTDOWN)
    })
    serve(undo, transport.serve(computeAgent, host, compute.agent))
    await compute.start()
  }

  const parts = undo.move()
  return {
    async stop({ keepGuests }) {
      ending.keepGuests = keepGuests
      await parts.disposeAsync()
    },
  }
}

function serve(undo: AsyncDisposableStack, serving: Serving): void {
  undo.defer(() => serving.close())
}

async function eraseNetworks({ host, cloud, directories, clock, log }: HostSideOptions): Promise<void> {
  const commands = namespaceCommands(commandHost, clock)
  await eraseLinuxNetwork({ cloud, host: commandHost, hostName: host, runDirectory: directories.run.network, commands, clock, log })
  await commands.close()
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

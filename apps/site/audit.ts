// The audit across services: what every service says of its own rows, what the services say of each other, and what on the hosts carries
// the cloud's mark and belongs to nothing. It asks public APIs and agents only. A finding counts when it stands in two passes: what is
// just being made or removed passes through states that look wrong. A host that does not answer is a finding: nobody knows what is there.
import { computeAgent, type ComputeAgent } from '@alto/contracts/compute-agent'
import { networkAgent, type NetworkAgent } from '@alto/contracts/network-agent'
import { volumeAgent, type VolumeAgent } from '@alto/contracts/volume-agent'
import type { Clock } from '@alto/kit/clock'
import { messageOf } from '@alto/kit/errors'
import type { RestClient } from '@alto/kit/openstack'
import { client, type Transport } from '@alto/kit/rpc'

/** Something that the audit found wrong. */
export interface Finding {
  service: string
  message: string
  /** True when it was removed. */
  repaired?: boolean
}

/** Whom the audit asks. */
export interface AuditParts {
  clock: Clock
  /** What each service finds wrong among its own rows. */
  rows: Readonly<Record<string, (opts: { repair: boolean }) => Promise<readonly Pick<Finding, 'message' | 'repaired'>[]>>>
  compute: RestClient
  network: RestClient
  volume: RestClient
  placement: RestClient
  /** Reaches the agents. */
  transport: Transport
}

interface Found extends Finding { remove?: () => Promise<void> }

const BETWEEN_PASSES = 1000

/** Runs the audit; `repair` removes from the host what belongs to nothing. */
export async function auditCloud(parts: AuditParts, opts: { repair: boolean }): Promise<Finding[]> {
  const first = new Set((await pass(parts)).map(keyOf))
  if (first.size === 0) return []
  await parts.clock.sleep(BETWEEN_PASSES)
  const standing = (await pass(parts)).filter(found => first.has(keyOf(found)))
  const mended = new Set<string>()
  if (opts.repair) {
    for (const service of new Set(standing.map(found => found.service))) {
      for (const { message, repaired } of await parts.rows[service]?.(opts) ?? []) if (repaired) mended.add(keyOf({ service, message }))
    }
  }
  return Promise.all(standing.map(async ({ remove, ...finding }) => {
    if (mended.has(keyOf(finding))) return { ...finding, repaired: true }
    if (!opts.repair || !remove) return finding
    try {
      await remove()
      return { ...finding, repaired: true }
    } catch (error) {
      return { ...finding, message: `${finding.message}; it could not be removed: ${messageOf(error)}` }
    }
  }))
}

function keyOf(found: Found): string {
  return `${found.service} ${found.message}`
}

async function pass(parts: AuditParts): Promise<Found[]> {
  const [own, cross] = await Promise.all([ownRows(parts), acrossServices(parts)])
  return [...own, ...cross]
}

async function ownRows(parts: AuditParts): Promise<Found[]> {
  const lists = await Promise.all(Object.entries(parts.rows).map(async ([service, audit]) => (await audit({ repair: false })).map(({ message }) => ({ service, message }))))
  return lists.flat()
}

async function acrossServices(parts: AuditParts): Promise<Found[]> {
  // What is on the hosts is read before the rows: a thing that was made meanwhile then has its row.
  const hosts = await onHosts(parts)
  const rows = await known(parts)
  return [...hosts.flatMap(found => found(rows)), ...await dangling(parts, rows)]
}

interface Known {
  servers: ReadonlySet<string>
  networks: readonly Network[]
  routers: readonly { id: string }[]
  ports: readonly Port[]
  volumes: readonly Volume[]
  snapshots: readonly { id: string }[]
}
interface Network { id: string, 'router:external'?: boolean }
interface Port { id: string, name: string, device_id: string, device_owner: string }
interface Volume { id: string, attachments: readonly { server_id: string }[] }

async function known(parts: AuditParts): Promise<Known> {
  const all = async <T>(client: RestClient, first: string, name: string): Promise<T[]> => {
    const items: T[] = []
    for (let path: string | undefined = first; path !== undefined;) {
      const body = (await client.call({ as: 'service', method: 'GET', path })).body as Record<string, unknown>
      items.push(...body[name] as T[])
      const next = (body[`${name}_links`] as { rel: string, href: string }[] | undefined)?.find(link => link.rel === 'next')?.href
      path = next === undefined ? undefined : `${first.split('?')[0]}${new URL(next).search}`
    }
    return items
  }
  const [servers, networks, routers, ports, volumes, snapshots] = await Promise.all([
    all<{ id: string }>(parts.compute, '/v2.1/servers?all_tenants=1', 'servers'), all<Network>(parts.network, '/v2.0/networks', 'networks'),
    all<{ id: string }>(parts.network, '/v2.0/routers', 'routers'), all<Port>(parts.network, '/v2.0/ports', 'ports'),
    all<Volume>(parts.volume, '/v3/volumes/detail?all_tenants=1', 'volumes'), all<{ id: string }>(parts.volume, '/v3/snapshots?all_tenants=1', 'snapshots'),
  ])
  return { servers: new Set(servers.map(s => s.id)), networks, routers, ports, volumes, snapshots }
}

/** What was found somewhere, once there are rows to compare it with. */
type Look = (rows: Known) => Found[]

/** Reads what is on every host that a service knows. */
async function onHosts(parts: AuditParts): Promise<Look[]> {
  const list = async (client: RestClient, path: string, name: string) => {
    const rows = ((await client.call({ as: 'service', method: 'GET', path })).body as Record<string, { host: string }[]>)[name]!
    return [...new Set(rows.map(row => row.host.split('@')[0]!))]
  }
  const [compute, network, volume] = await Promise.all([
    list(parts.compute, '/v2.1/os-services?binary=nova-compute', 'services'), list(parts.network, '/v2.0/agents', 'agents'), list(parts.volume, '/v3/os-services?binary=cinder-volume', 'services'),
  ])
  const { transport } = parts
  return Promise.all([
    ...compute.map(host => lookedAt(host, 'nova', () => guestsOn(client(computeAgent, transport, host)))),
    ...network.map(host => lookedAt(host, 'neutron', () => networksOn(client(networkAgent, transport, host)))),
    ...volume.map(host => lookedAt(host, 'cinder', () => disksOn(client(volumeAgent, transport, host)))),
  ])
}

/** What a look at `host` finds, or that nobody could look. */
async function lookedAt(host: string, service: string, look: () => Promise<Look>): Promise<Look> {
  try {
    const found = await look()
    return rows => found(rows).map(one => ({ ...one, message: `${one.message} (host ${host})` }))
  } catch (error) {
    return () => [{ service, message: `host ${host} was not looked at: ${messageOf(error)}` }]
  }
}

async function guestsOn(agent: ComputeAgent): Promise<Look> {
  const { things } = await agent.audit({})
  return rows => things.filter(thing => thing.serverId !== '' && !rows.servers.has(thing.serverId)).map(thing => ({
    service: 'nova', message: `${thing.kind} ${thing.name} is of server ${thing.serverId}, which nobody knows`, remove: () => agent.removeOrphan({ serverId: thing.serverId }),
  }))
}

async function networksOn(agent: NetworkAgent): Promise<Look> {
  const { things } = await agent.audit({})
  return rows => {
    const external = rows.networks.some(network => network['router:external'] === true)
    const wanted = { network: rows.networks, router: rows.routers, port: rows.ports }
    return things.flatMap((thing): Found[] => {
      const where = thing.place === '' ? '' : ` in ${thing.place}`
      if (thing.belongsTo.kind === 'cloud') {
        const expected = thing.kind === 'namespace' || thing.kind === 'table' && (thing.place !== '' || external)
        return expected ? [] : [{ service: 'neutron', message: `${thing.kind} ${thing.name}${where} carries the cloud's mark and belongs to nothing` }]
      }
      const { kind, id } = thing.belongsTo
      if (wanted[kind].some(row => row.id.startsWith(id))) return []       // names of links hold only the first part of an id
      return [{ service: 'neutron', message: `${thing.kind} ${thing.name}${where} is of ${kind} ${id}, which nobody knows`, remove: () => agent.removeOrphan({ kind, id }) }]
    })
  }
}

async function disksOn(agent: VolumeAgent): Promise<Look> {
  const { disks } = await agent.audit({})
  return rows => disks.filter(({ diskId }) => !rows.volumes.some(v => v.id === diskId) && !rows.snapshots.some(s => s.id === diskId)).map(({ diskId, name }) => ({
    service: 'cinder', message: `file ${name} is of volume ${diskId}, which nobody knows`, remove: () => agent.removeOrphan({ diskId }),
  }))
}

/** Rows of one service that name a server which Nova does not have. */
async function dangling(parts: AuditParts, rows: Known): Promise<Found[]> {
  const { resource_providers: providers } = (await parts.placement.call({ as: 'service', method: 'GET', path: '/resource_providers' })).body as { resource_providers: { uuid: string }[] }
  const consumers = (await Promise.all(providers.map(async ({ uuid }) => {
    const { allocations } = (await parts.placement.call({ as: 'service', method: 'GET', path: `/resource_providers/${uuid}/allocations` })).body as { allocations: Record<string, unknown> }
    return Object.keys(allocations)
  }))).flat()
  return [
    ...consumers.filter(id => !rows.servers.has(id)).map(id => ({ service: 'placement', message: `resources are claimed for ${id}, which is no server` })),
    ...rows.ports.filter(port => port.device_owner.startsWith('compute:') && !rows.servers.has(port.device_id)).map(port => ({ service: 'neutron', message: `port ${port.id} is plugged into server ${port.device_id}, which nobody knows` })),
    ...rows.volumes.flatMap(volume => volume.attachments.filter(a => !rows.servers.has(a.server_id)).map(a => ({ service: 'cinder', message: `volume ${volume.id} is attached to server ${a.server_id}, which nobody knows` }))),
  ]
}

// Ports of servers: made or taken in Neutron for a server on a host, given back, and copied into Nova's own rows. Every call is safe to repeat.
// Events of Neutron refresh the copy; for those that were lost, every server is looked at now and then.
import { Fault, messageOf } from '@alto/kit/errors'
import type { Caller, Network, Port } from '@alto/kit/openstack'
import { giveUp } from '@alto/kit/task'
import type { Interface, WantedInterface } from '../model/interfaces.ts'
import type { Server } from '../model/servers.ts'
import * as interfaces from '../store/interfaces.ts'
import * as servers from '../store/servers.ts'
import type { Tx } from '../store/tables.ts'
import * as wants from '../store/wants.ts'
import type { Deps } from './deps.ts'

const SERVICE: Caller = 'service'
/** How often addresses are looked at, milliseconds. */
const HEALING = 60_000

/** The owner that Neutron shows for servers' ports. */
export function deviceOwner(server: Pick<Server, 'zone'>, deps: Pick<Deps, 'options'>): string {
  return `compute:${server.zone ?? deps.options.defaultAvailabilityZone}`
}

/**
 * Makes the port that `wanted` asks for, or takes the one it names, and binds it to the host. `key` makes a repeated call find the same port.
 * Throws what Neutron throws; Fault badRequest `nova.port.inUse`, `nova.port.notFound`.
 */
export async function plug(deps: Pick<Deps, 'network' | 'options'>, server: Server, wanted: WantedInterface, where: { host: string, key: string, securityGroupIds: readonly string[] }): Promise<Port> {
  const bound = { device_id: server.id, device_owner: deviceOwner(server, deps), 'binding:host_id': where.host }
  if (wanted.portId === undefined) {
    return deps.network.createPort(SERVICE, {
      ...bound, network_id: wanted.networkId, project_id: server.projectId, admin_state_up: true,
      ...(wanted.fixedIp !== undefined && { fixed_ips: [{ ip_address: wanted.fixedIp }] }), ...(where.securityGroupIds.length > 0 && { security_groups: where.securityGroupIds }),
    }, where.key)
  }
  const port = await deps.network.port(SERVICE, wanted.portId)
  if (!port) throw giveUp(new Fault('badRequest', 'nova.port.notFound', `Port id ${wanted.portId} could not be found.`))
  if (port.device_id !== '' && port.device_id !== server.id) throw giveUp(new Fault('badRequest', 'nova.port.inUse', `Port ${port.id} is still in use.`))
  return deps.network.updatePort(SERVICE, port.id, bound)
}

/** Takes a server's ports off it: those that Nova made are removed, the others let go of. `keep` names those that were there before. */
export async function unplug(deps: Pick<Deps, 'network'>, serverId: string, which: { keep: readonly string[], only?: readonly string[] }): Promise<void> {
  const ports = (await deps.network.ports(SERVICE, { deviceId: serverId })).filter(port => which.only?.includes(port.id) ?? true)
  for (const port of ports) {
    if (which.keep.includes(port.id)) await deps.network.updatePort(SERVICE, port.id, { device_id: '', device_owner: '', 'binding:host_id': '' })
    else await deps.network.deletePort(SERVICE, port.id)
  }
}

/** What Nova's rows should say of the server's ports, as Neutron has them now. */
export async function readInterfaces(deps: Pick<Deps, 'network' | 'clock'>, serverId: string, known: readonly Interface[], madeHere: (portId: string) => { madeHere: boolean, tag: string | null }): Promise<Interface[]> {
  const ports = await deps.network.ports(SERVICE, { deviceId: serverId })
  if (ports.length === 0) return []
  const unique = (ids: readonly string[]) => [...new Set(ids)]
  const [networks, subnets, floatingIps] = await Promise.all([
    deps.network.networks(SERVICE, { ids: unique(ports.map(port => port.network_id)) }),
    deps.network.subnets(SERVICE, unique(ports.flatMap(port => port.fixed_ips.map(ip => ip.subnet_id)))),
    deps.network.floatingIps(SERVICE, ports.map(port => port.id)),
  ])
  const now = deps.clock.now()
  return ports.map((port): Interface => {
    const before = known.find(one => one.portId === port.id)
    const network: Network | undefined = networks.find(one => one.id === port.network_id)
    return {
      serverId, portId: port.id, networkId: port.network_id, networkName: network?.name ?? '', mac: port.mac_address, active: port.status === 'ACTIVE', mtu: network?.mtu ?? null,
      createdAt: before?.createdAt ?? now, ...(before ? { madeHere: before.madeHere, tag: before.tag } : madeHere(port.id)),
      fixedIps: port.fixed_ips.map(ip => {
        const subnet = subnets.find(one => one.id === ip.subnet_id)
        return {
          subnetId: ip.subnet_id, address: ip.ip_address,
          ...(subnet && { subnet: { cidr: subnet.cidr, gateway: subnet.gateway_ip, dns: subnet.dns_nameservers, routes: subnet.host_routes, dhcp: subnet.enable_dhcp } }),
        }
      }),
      floatingIps: floatingIps.filter(one => one.port_id === port.id).map(one => ({ address: one.floating_ip_address, fixedAddress: one.fixed_ip_address ?? '' })),
    }
  })
}

/** Makes the rows be exactly `wanted`. */
export async function writeInterfaces(tx: Tx, serverId: string, wanted: readonly Interface[]): Promise<void> {
  for (const one of await interfaces.ofServers(tx, [serverId])) if (!wanted.some(other => other.portId === one.portId)) await interfaces.remove(tx, serverId, one.portId)
  for (const one of wanted) await interfaces.put(tx, one)
}

/** Copies what Neutron says of the server's ports into Nova's rows. Of a port that is gone, the guest lets go. */
export async function refresh(deps: Pick<Deps, 'db' | 'network' | 'clock' | 'agent'>, serverId: string): Promise<void> {
  const known = await deps.db.read(tx => interfaces.ofServers(tx, [serverId]))
  const found = await readInterfaces(deps, serverId, known, () => ({ madeHere: false, tag: null }))
  const gone = known.filter(one => !found.some(other => other.portId === one.portId)).map(one => one.portId)
  const want = await deps.db.write(async tx => {
    const before = gone.length === 0 ? undefined : await wants.find(tx, serverId)
    const isPlugged = before && !before.tombstone && before.wanted.portIds.some(id => gone.includes(id))
    if (isPlugged) await wants.change(tx, serverId, before.epoch, { portIds: before.wanted.portIds.filter(id => !gone.includes(id)) })
    for (const one of found) if (known.some(other => other.portId === one.portId)) await interfaces.put(tx, one)
    for (const id of gone) await interfaces.remove(tx, serverId, id)
    return isPlugged ? wants.find(tx, serverId) : undefined
  })
  if (want) await deps.agent(want.host).look({ serverId, generation: want.generation })
}

/** Begins to refresh every server's addresses, one server after another, once a minute; the function returned ends it. */
export function healAddresses(deps: Deps): () => Promise<void> {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await deps.clock.sleep(HEALING, stopping.signal).catch(() => {})
      if (stopping.signal.aborted) return
      const all = await deps.db.read(tx => servers.list(tx, { deleted: false }))
      for (const server of all.filter(one => one.taskState === null)) {
        if (stopping.signal.aborted) return
        await refresh(deps, server.id).catch((error: unknown) => deps.log.warn({ serverId: server.id, reason: messageOf(error) }, 'a server\'s addresses could not be read'))
      }
    }
  })()
  return async () => {
    stopping.abort(new Error('stopped'))
    await running
  }
}

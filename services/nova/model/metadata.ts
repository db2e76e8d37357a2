// What a guest is told of itself: OpenStack's metadata and EC2's, as its metadata service and config drive show them.
// (Nova user guide "Metadata", network_data.json schema; EC2 instance metadata 2009-04-04.)
import { familyOf, type Interface } from './interfaces.ts'
import type { Server } from './servers.ts'

/** Versions under /openstack/, the oldest first; `latest` stands for the newest. */
export const OPENSTACK_VERSIONS = ['2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', '2020-10-14', '2025-04-04'] as const

/** Versions under the root, EC2's. */
export const EC2_VERSIONS = ['1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01', '2009-04-04'] as const

const ZONE = 'nova'

/** meta_data.json. */
export function metaData(server: Server, domain: string, version: string): Record<string, unknown> {
  const key = server.publicKey
  return {
    uuid: server.id, name: server.name, hostname: fullHostname(server, domain), launch_index: server.launchIndex, availability_zone: server.zone ?? ZONE,
    ...(Object.keys(server.metadata).length > 0 && { meta: server.metadata }),
    ...(key !== null && { public_keys: { [server.keyName ?? 'key']: key } }),
    ...(key !== null && version >= '2013-10-17' && { keys: [{ name: server.keyName ?? 'key', type: 'ssh', data: key }] }),
    ...(version >= '2015-10-15' && { project_id: server.projectId }),
    ...(version >= '2016-06-30' && { devices: [] }),
    ...(version >= '2017-02-22' && { dedicated_cpus: [] }),
  }
}

/** network_data.json: links, networks with routes, and name servers. */
export function networkData(ports: readonly Interface[]): Record<string, unknown> {
  const links = ports.map(port => ({ id: `tap${port.portId}`.slice(0, 14), vif_id: port.portId, type: 'bridge', mtu: port.mtu, ethernet_mac_address: port.mac }))
  const networks = ports.flatMap((port, portIndex) => port.fixedIps.map((ip, index) => {
    const family = familyOf(ip.address)
    const { subnet } = ip
    const routes = [
      ...(subnet?.gateway ? [{ network: family === 4 ? '0.0.0.0' : '::', netmask: family === 4 ? '0.0.0.0' : '::', gateway: subnet.gateway }] : []),
      ...(subnet?.routes ?? []).map(route => ({ network: route.destination.split('/')[0]!, netmask: netmask(route.destination), gateway: route.nexthop })),
    ]
    const dns = (subnet?.dns ?? []).map(address => ({ type: 'dns', address }))
    return {
      id: `network${portIndex + index}`, type: subnet?.dhcp ?? true ? `ipv${family}_dhcp` : `ipv${family}`, link: links[portIndex]!.id, network_id: port.networkId,
      ...(subnet && !subnet.dhcp && { ip_address: ip.address, netmask: netmask(subnet.cidr), routes, services: dns }),
    }
  }))
  const services = [...new Set(ports.flatMap(port => port.fixedIps.flatMap(ip => ip.subnet?.dns ?? [])))].map(address => ({ type: 'dns', address }))
  return { links, networks, services }
}

/** EC2's tree: a string is a leaf, an object a directory. */
export interface Tree { readonly [name: string]: string | Tree }

/** EC2's `meta-data` directory. */
export function ec2Tree(server: Server, ports: readonly Interface[], domain: string): Tree {
  const fixed = ports.flatMap(port => port.fixedIps.map(ip => ip.address)).filter(address => familyOf(address) === 4)
  const floating = ports.flatMap(port => port.floatingIps.map(ip => ip.address))
  const hostname = fullHostname(server, domain)
  return {
    'ami-id': ec2Id('ami', server.imageId ?? server.id), 'ami-launch-index': String(server.launchIndex), 'ami-manifest-path': 'FIXME', 'block-device-mapping': { ami: 'vda', root: server.rootDevice },
    'hostname': hostname, 'instance-action': 'none', 'instance-id': ec2Id('i', server.id), 'instance-type': server.flavor.name, 'local-hostname': hostname, 'local-ipv4': fixed[0] ?? '',
    'placement': { 'availability-zone': server.zone ?? ZONE },
    'public-hostname': hostname, 'public-ipv4': floating[0] ?? '',
    ...(server.publicKey !== null && { 'public-keys': { [`0=${server.keyName ?? 'key'}`]: '', '0': { 'openssh-key': server.publicKey } } }),
    'reservation-id': server.reservationId, 'security-groups': server.securityGroups.join('\n'),
  }
}

/** What is at `path` of a tree: a leaf's text, or a directory's listing; undefined when nothing is. */
export function readTree(tree: Tree, path: readonly string[]): string | undefined {
  const [head, ...rest] = path
  if (head === undefined) return listing(tree)
  const found = Object.hasOwn(tree, head) ? tree[head] : undefined
  if (found === undefined) return undefined
  if (typeof found === 'string') return rest.length === 0 ? found : undefined
  return readTree(found, rest)
}

function listing(tree: Tree): string {
  const hidden = Object.keys(tree).flatMap(name => /^\d+=/.test(name) ? [name.split('=')[0]!] : [])
  return Object.entries(tree).filter(([name]) => !hidden.includes(name)).map(([name, value]) => typeof value === 'string' ? name : `${name}/`).toSorted().join('\n')
}

/** The files of a config drive, their contents in base64. */
export function configDriveFiles(server: Server, ports: readonly Interface[], domain: string): { path: string, content: string }[] {
  const json = (path: string, value: unknown) => ({ path, content: Buffer.from(JSON.stringify(value)).toString('base64') })
  const newest = OPENSTACK_VERSIONS.at(-1)!
  return ['latest', newest].flatMap(version => [
    json(`openstack/${version}/meta_data.json`, metaData(server, domain, newest)), json(`openstack/${version}/network_data.json`, networkData(ports)),
    json(`openstack/${version}/vendor_data.json`, {}), json(`openstack/${version}/vendor_data2.json`, {}),
    ...(server.userData !== null ? [{ path: `openstack/${version}/user_data`, content: server.userData }] : []),
  ])
}

function fullHostname(server: Server, domain: string): string {
  return domain === '' ? server.hostname : `${server.hostname}.${domain}`
}

function ec2Id(prefix: string, uuid: string): string {
  return `${prefix}-${uuid.replaceAll('-', '').slice(0, 8)}`
}

/** The mask of an IPv4 prefix as `255.255.255.0`, of an IPv6 one in full groups. */
function netmask(cidr: string): string {
  const bits = Number(cidr.split('/')[1] ?? 32)
  if (familyOf(cidr) === 4) return [0, 1, 2, 3].map(i => 256 - 2 ** (8 - Math.min(8, Math.max(0, bits - 8 * i)))).join('.')
  return [...Array(8).keys()].map(i => (65_536 - 2 ** (16 - Math.min(16, Math.max(0, bits - 16 * i)))).toString(16)).join(':')
}

// A server as each microversion shows it.
import type { Context } from '@alto/kit/context'
import type { ServerDetails } from '../manager/servers.ts'
import { targetOf } from '../manager/access.ts'
import type { Flavor } from '../model/flavors.ts'
import { hostIdOf } from '../model/hosts.ts'
import { familyOf, type Interface } from '../model/interfaces.ts'
import { statusOf, type Server } from '../model/servers.ts'
import * as detailRules from '../policy/server-details.ts'
import * as rules from '../policy/servers.ts'
import { atLeast, bookmark, links, naive, time, type Version } from './parts.ts'

/** `listed`: in lists. `changed`: in the answer to a change, before 2.75 without what upstream's extensions added. */
export type Extent = 'full' | 'listed' | 'changed'

const PROGRESS = ['ACTIVE', 'BUILD']

/** Id, name and links. */
export function viewBrief(ctx: Context, server: Pick<Server, 'id' | 'name'>) {
  return { id: server.id, name: server.name, links: links(ctx, 'servers', server.id) }
}

/** The whole of it, at `version`, as far as the caller may see. */
export function viewServer(ctx: Context, details: ServerDetails, version: Version, extent: Extent): Record<string, unknown> {
  const { server: s, fault } = details
  const extended = extent !== 'changed' || atLeast(version, 2, 75)
  const status = statusOf(s.vmState, s.taskState)
  return {
    id: s.id, name: s.name, status, tenant_id: s.projectId, user_id: s.userId, metadata: s.metadata, hostId: hostIdOf(s.projectId, s.host),
    image: s.imageId === null ? '' : { id: s.imageId, links: [bookmark(ctx, 'images', s.imageId)] },
    flavor: viewFlavor(ctx, s, version), created: time(s.createdAt), updated: time(s.updatedAt), addresses: viewAddresses(details.ports, extended), accessIPv4: s.accessIpV4 ?? '', accessIPv6: s.accessIpV6 ?? '',
    links: links(ctx, 'servers', s.id), 'OS-DCF:diskConfig': s.diskConfig,
    ...(PROGRESS.includes(status) && { progress: 0 }),
    ...(fault && (status === 'ERROR' || status === 'DELETED') && { fault: viewFault(ctx, details) }),
    ...(extended && extensions(ctx, details, version)),
    ...(atLeast(version, 2, 9) && { locked: s.lockedBy !== null }),
    ...(atLeast(version, 2, 73) && { locked_reason: s.lockedReason }),
    ...(atLeast(version, 2, 19) && { description: s.description }),
    ...(atLeast(version, 2, 26) && { tags: s.tags }),
    ...(atLeast(version, 2, 63) && { trusted_image_certificates: null }),
    ...(atLeast(version, 2, 71) && extent !== 'listed' && { server_groups: details.group ? [details.group.id] : s.groupId === null ? [] : [s.groupId] }),
    ...(atLeast(version, 2, 96) && { pinned_availability_zone: s.zone }),
  }
}

function extensions(ctx: Context, { server: s, disks, hostStatus, hostZone }: ServerDetails, version: Version): Record<string, unknown> {
  const target = targetOf(ctx, s)
  return {
    'OS-EXT-AZ:availability_zone': hostZone ?? s.zone ?? '', config_drive: s.configDrive ? 'True' : '', key_name: s.keyName,
    'OS-SRV-USG:launched_at': naive(s.launchedAt), 'OS-SRV-USG:terminated_at': naive(s.terminatedAt),
    ...(s.securityGroups.length > 0 && { security_groups: s.securityGroups.map(name => ({ name })) }),
    'OS-EXT-STS:task_state': s.taskState, 'OS-EXT-STS:vm_state': s.vmState, 'OS-EXT-STS:power_state': s.powerState,
    'os-extended-volumes:volumes_attached': disks.filter(disk => disk.volumeId !== '').map(disk => ({ id: disk.volumeId, ...(atLeast(version, 2, 3) && { delete_on_termination: disk.deleteOnTermination }) })),
    ...(atLeast(version, 2, 90) && { 'OS-EXT-SRV-ATTR:hostname': s.hostname }),
    ...(ctx.allowed(rules.OS_EXTENDED_SERVER_ATTRIBUTES, target) && {
      'OS-EXT-SRV-ATTR:host': s.host, 'OS-EXT-SRV-ATTR:hypervisor_hostname': s.host, 'OS-EXT-SRV-ATTR:instance_name': instanceName(s),
      ...(atLeast(version, 2, 3) && {
        'OS-EXT-SRV-ATTR:reservation_id': s.reservationId, 'OS-EXT-SRV-ATTR:launch_index': s.launchIndex, 'OS-EXT-SRV-ATTR:hostname': s.hostname, 'OS-EXT-SRV-ATTR:kernel_id': '', 'OS-EXT-SRV-ATTR:ramdisk_id': '',
        'OS-EXT-SRV-ATTR:root_device_name': s.rootDevice, 'OS-EXT-SRV-ATTR:user_data': s.userData,
      }),
    }),
    ...(atLeast(version, 2, 16) && ctx.allowed(detailRules.HOST_STATUS, target) && { host_status: hostStatus }),
  }
}

/** Networks by name, with the addresses on each. */
export function viewAddresses(ports: readonly Interface[], extended: boolean): Record<string, unknown[]> {
  const byNetwork: Record<string, unknown[]> = {}
  for (const port of ports) {
    const list = byNetwork[port.networkName] ??= []
    const shown = (address: string, type: 'fixed' | 'floating') => ({ version: familyOf(address), addr: address, ...(extended && { 'OS-EXT-IPS:type': type, 'OS-EXT-IPS-MAC:mac_addr': port.mac }) })
    for (const ip of port.fixedIps) list.push(shown(ip.address, 'fixed'))
    for (const ip of port.floatingIps) list.push(shown(ip.address, 'floating'))
  }
  return byNetwork
}

function viewFlavor(ctx: Context, s: Server, version: Version) {
  const { flavor: f } = s
  if (!atLeast(version, 2, 47)) return { id: f.id, links: [bookmark(ctx, 'flavors', f.id)] }
  return { ...sizes(f), original_name: f.name, ...(ctx.allowed(detailRules.FLAVOR_EXTRA_SPECS, targetOf(ctx, s)) && { extra_specs: f.extraSpecs }) }
}

function sizes(f: Flavor) {
  return { vcpus: f.vcpus, ram: f.ramMib, disk: f.diskGib, ephemeral: f.ephemeralGib, swap: f.swapMib }
}

function viewFault(ctx: Context, { server, fault }: ServerDetails) {
  const seesDetails = ctx.allowed(rules.OS_EXTENDED_SERVER_ATTRIBUTES, targetOf(ctx, server))
  return { code: fault!.code, created: time(fault!.createdAt), message: fault!.message, ...(seesDetails && { details: fault!.details }) }
}

function instanceName(s: Server): string {
  return `instance-${s.id.replaceAll('-', '').slice(0, 8)}`
}

// What a server is attached to: /ips, /os-interface, /os-volume_attachments, /os-security-groups; and what was done to it: /os-instance-actions.
import { route, t, versioned, type AnyRoute } from '@alto/kit/http'
import { pageLimit } from '@alto/kit/openstack'
import type { HistoryManager } from '../manager/history.ts'
import type { InterfaceManager } from '../manager/interfaces.ts'
import type { ServerManager } from '../manager/servers.ts'
import type { VolumeManager } from '../manager/volumes.ts'
import type { ServerAction } from '../model/actions.ts'
import { invalid, notFound } from '../model/faults.ts'
import { hostIdOf } from '../model/hosts.ts'
import type { Interface } from '../model/interfaces.ts'
import type { ServerVolume } from '../model/volumes.ts'
import * as addressRules from '../policy/addresses.ts'
import * as historyRules from '../policy/instance-actions.ts'
import * as interfaceRules from '../policy/interfaces.ts'
import * as groupRules from '../policy/security-groups.ts'
import * as volumeRules from '../policy/volumes.ts'
import { atLeast, naive, nextLink, serverId, single, tag, timeIn, type Version } from './parts.ts'
import { viewAddresses } from './server-view.ts'

interface Managers { servers: ServerManager, interfaces: InterfaceManager, volumes: VolumeManager, history: HistoryManager }

const paged = t.open({ limit: t.optional(t.string()), offset: t.optional(t.string()), marker: t.optional(t.string()) })
const onVolume = t.object({ server_id: t.id(), volume_id: t.id() })
const onPort = t.object({ server_id: t.id(), port_id: t.id() })

function attachBody(minor: number) {
  return {
    since: [2, minor] as const,
    schema: t.object({ volumeAttachment: t.object({ volumeId: t.uuid(), device: t.optional(t.nullable(t.string({ pattern: '^(/dev/|)([a-z]{1,3})?d[a-z]{1,2}$|^$' }))), ...(minor >= 49 && { tag: t.optional(tag) }), ...(minor >= 79 && { delete_on_termination: t.optional(t.booleanLike()) }) }) }),
  }
}

function interfaceBody(minor: number) {
  const fixed = t.array(t.object({ ip_address: t.string() }), { max: 1, min: 1 })
  return { since: [2, minor] as const, schema: t.object({ interfaceAttachment: t.optional(t.object({ net_id: t.optional(t.uuid()), port_id: t.optional(t.uuid()), fixed_ips: t.optional(fixed), ...(minor >= 49 && { tag: t.optional(tag) }) })) }) }
}

/** Routes of a server's addresses and interfaces. */
export function interfaceRoutes({ servers, interfaces }: Managers): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/ips', rule: addressRules.INDEX, status: 200, summary: 'List Ips', params: serverId,
      handle: async ({ ctx, params }) => ({ addresses: viewAddresses(await servers.addresses(ctx, addressRules.INDEX, params.server_id), false) }),
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/ips/{network_label}', rule: addressRules.SHOW, status: 200, summary: 'Show Ip Details', params: t.object({ server_id: t.id(), network_label: t.id() }),
      async handle({ ctx, params }) {
        const found = viewAddresses(await servers.addresses(ctx, addressRules.SHOW, params.server_id), false)[params.network_label]
        if (!found) throw notFound('network', 'Instance is not a member of specified network')
        return { [params.network_label]: found }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/os-interface', rule: interfaceRules.LIST, status: 200, summary: 'List Port Interfaces', params: serverId,
      handle: async ({ ctx, params, version }) => ({ interfaceAttachments: (await interfaces.list(ctx, params.server_id)).map(one => viewInterface(one, version)) }),
    }),
    route({
      method: 'POST', path: '/v2.1/servers/{server_id}/os-interface', rule: interfaceRules.CREATE, status: 200, summary: 'Create Interface', params: serverId, body: versioned(interfaceBody(49), interfaceBody(1)),
      async handle({ ctx, params, body, version }) {
        const { net_id: networkId, port_id: portId, fixed_ips: fixedIps, tag: name } = (body as { interfaceAttachment?: { net_id?: string, port_id?: string, fixed_ips?: { ip_address: string }[], tag?: string } }).interfaceAttachment ?? {}
        if (networkId !== undefined && portId !== undefined) throw invalid('interface', 'Must not input both network_id and port_id')
        if (fixedIps && networkId === undefined) throw invalid('interface', 'Must input network_id when request IP address')
        const made = await interfaces.create(ctx, params.server_id, { ...(networkId !== undefined && { networkId }), ...(portId !== undefined && { portId }), ...(fixedIps && { fixedIp: fixedIps[0]!.ip_address }), ...(name !== undefined && { tag: name }) })
        return { interfaceAttachment: viewInterface(made, version) }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/os-interface/{port_id}', rule: interfaceRules.SHOW, status: 200, summary: 'Show Port Interface Details', params: onPort,
      handle: async ({ ctx, params, version }) => ({ interfaceAttachment: viewInterface(await interfaces.show(ctx, params.server_id, params.port_id), version) }),
    }),
    route({
      method: 'DELETE', path: '/v2.1/servers/{server_id}/os-interface/{port_id}', rule: interfaceRules.DELETE, status: 202, summary: 'Detach Interface', params: onPort,
      handle: async ({ ctx, params }) => interfaces.remove(ctx, params.server_id, params.port_id),
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/os-security-groups', rule: groupRules.LIST, status: 200, summary: 'List Security Groups By Server', params: serverId,
      handle: async ({ ctx, params }) => ({ security_groups: (await interfaces.securityGroups(ctx, params.server_id)).map(({ id, name, description, projectId }) => ({ id, name, description, tenant_id: projectId, rules: [] })) }),
    }),
  ]
}

/** Routes of a server's volumes. */
export function volumeRoutes({ volumes }: Managers): AnyRoute[] {
  const path = '/v2.1/servers/{server_id}/os-volume_attachments'
  return [
    route({
      method: 'GET', path, rule: volumeRules.INDEX, status: 200, summary: 'List volume attachments for an instance', params: serverId, query: paged,
      handle: async ({ ctx, params, query, version }) => ({ volumeAttachments: (await volumes.list(ctx, params.server_id, { limit: pageLimit(query.limit), offset: Number(query.offset ?? 0) || 0 })).map(one => viewVolume(one, version)) }),
    }),
    route({
      method: 'POST', path, rule: volumeRules.CREATE, status: 200, summary: 'Attach a volume to an instance', params: serverId, body: versioned(attachBody(79), attachBody(49), attachBody(1)),
      async handle({ ctx, params, body, version }) {
        const asked = (body as { volumeAttachment: { volumeId: string, device?: string | null, tag?: string, delete_on_termination?: boolean | string } }).volumeAttachment
        const device = asked.device ? asked.device.startsWith('/dev/') ? asked.device : `/dev/${asked.device}` : undefined
        const made = await volumes.create(ctx, params.server_id, { volumeId: asked.volumeId, device, tag: asked.tag, deleteOnTermination: asked.delete_on_termination === undefined ? false : t.asBoolean(asked.delete_on_termination) })
        return { volumeAttachment: viewVolume(made, version) }
      },
    }),
    route({
      method: 'GET', path: `${path}/{volume_id}`, rule: volumeRules.SHOW, status: 200, summary: 'Show a detail of a volume attachment', params: onVolume,
      handle: async ({ ctx, params, version }) => ({ volumeAttachment: viewVolume(await volumes.show(ctx, params.server_id, params.volume_id), version) }),
    }),
    route({
      method: 'PUT', path: `${path}/{volume_id}`, rule: volumeRules.UPDATE, status: 202, summary: 'Update a volume attachment', since: [2, 85], params: onVolume,
      body: t.object({ volumeAttachment: t.object({ volumeId: t.uuid(), delete_on_termination: t.booleanLike(), device: t.optional(t.nullable(t.string())), serverId: t.optional(t.uuid()), tag: t.optional(t.nullable(t.string())), id: t.optional(t.uuid()) }) }),
      async handle({ ctx, params, body }) {
        if (body.volumeAttachment.volumeId !== params.volume_id) throw invalid('volume.swap', 'The volume of an attachment cannot be changed to another one.')
        await volumes.update(ctx, params.server_id, params.volume_id, { deleteOnTermination: t.asBoolean(body.volumeAttachment.delete_on_termination) })
      },
    }),
    route({
      method: 'DELETE', path: `${path}/{volume_id}`, rule: volumeRules.DELETE, status: 202, summary: 'Detach a volume from an instance', params: onVolume,
      handle: async ({ ctx, params }) => volumes.remove(ctx, params.server_id, params.volume_id),
    }),
  ]
}

/** Routes of what was done to a server. */
export function historyRoutes({ history }: Managers): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/os-instance-actions', rule: historyRules.LIST, status: 200, summary: 'List Actions For Server', params: serverId, query: t.open({}),
      async handle({ ctx, params, url, version }) {
        const pages = atLeast(version, 2, 58)
        const q = (name: string) => pages ? single(url.searchParams.getAll(name)) : undefined
        const { rows, more } = await history.list(ctx, params.server_id, {
          limit: pageLimit(q('limit')), marker: q('marker'), since: timeIn(q('changes-since'), 'changes-since'), before: atLeast(version, 2, 66) ? timeIn(q('changes-before'), 'changes-before') : undefined,
        })
        return { instanceActions: rows.map(one => viewAction(one, version)), ...(pages && nextLink(ctx, 'links', url, { more, marker: rows.at(-1)?.requestId })) }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}/os-instance-actions/{request_id}', rule: historyRules.SHOW, status: 200, summary: 'Show Server Action Details', params: t.object({ server_id: t.id(), request_id: t.id() }),
      async handle({ ctx, params, version }) {
        const { action, events, sees } = await history.show(ctx, params.server_id, params.request_id)
        const shown = sees.events || atLeast(version, 2, 51)
        return {
          instanceAction: {
            ...viewAction(action, version),
            ...(shown && {
              events: events.map(one => ({
                event: one.event, start_time: naive(one.startedAt), finish_time: naive(one.finishedAt), result: one.result, ...(sees.events && { traceback: one.traceback }),
                ...(atLeast(version, 2, 62) && { hostId: hostIdOf(action.projectId, one.host), ...(sees.events && { host: one.host }) }), ...(atLeast(version, 2, 84) && { details: one.result === 'Error' ? one.traceback : null }),
              })),
            }),
          },
        }
      },
    }),
  ]
}

function viewInterface(one: Interface, version: Version) {
  return {
    net_id: one.networkId, port_id: one.portId, mac_addr: one.mac, port_state: one.active ? 'ACTIVE' : 'DOWN', fixed_ips: one.fixedIps.map(ip => ({ subnet_id: ip.subnetId, ip_address: ip.address })),
    ...(atLeast(version, 2, 70) && { tag: one.tag }),
  }
}

function viewVolume(one: ServerVolume, version: Version) {
  return {
    ...(!atLeast(version, 2, 89) && { id: one.volumeId }), volumeId: one.volumeId, serverId: one.serverId, device: one.device, ...(atLeast(version, 2, 70) && { tag: one.tag }),
    ...(atLeast(version, 2, 79) && { delete_on_termination: one.deleteOnTermination }), ...(atLeast(version, 2, 89) && { attachment_id: one.attachmentId, bdm_uuid: one.id }),
  }
}

function viewAction(one: ServerAction, version: Version) {
  return {
    action: one.action, instance_uuid: one.serverId, request_id: one.requestId, user_id: one.userId, project_id: one.projectId, start_time: naive(one.startedAt), message: one.message,
    ...(atLeast(version, 2, 58) && { updated_at: naive(one.updatedAt) }),
  }
}

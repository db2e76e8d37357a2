// /servers: listed, shown, made, changed, deleted.
import { answer, route, t, versioned, type AnyRoute } from '@alto/kit/http'
import type { CreateManager } from '../manager/create.ts'
import type { ServerManager } from '../manager/servers.ts'
import { accessAddress } from '../model/access-addresses.ts'
import * as rules from '../policy/servers.ts'
import { links, metadata, name, serverId, tag } from './parts.ts'
import { requestOf, type CreateBody } from './server-requests.ts'
import { listServers } from './server-lists.ts'
import { viewServer } from './server-view.ts'

const query = t.open({})
const text = t.nullable(t.string({ max: 255 }))
const network = { uuid: t.optional(t.string()), port: t.optional(t.nullable(t.string())), fixed_ip: t.optional(t.string()) }
const device = {
  source_type: t.optional(t.oneOf('volume', 'image', 'snapshot', 'blank')), destination_type: t.optional(t.oneOf('local', 'volume')), uuid: t.optional(t.string({ min: 1 })), image_id: t.optional(t.string()),
  boot_index: t.optional(t.nullable(t.integerLike())), volume_size: t.optional(t.nullable(t.integerLike())), device_name: t.optional(t.nullable(t.string())), delete_on_termination: t.optional(t.booleanLike()),
  guest_format: t.optional(t.nullable(t.string())), device_type: t.optional(t.string()), disk_bus: t.optional(t.string()), no_device: t.optional(t.anything()), volume_id: t.optional(t.string()), snapshot_id: t.optional(t.string()),
}
const hints = t.optional(t.open({ group: t.optional(t.uuid()) }))

/** The body's schema from 2.`minor` on. */
function createBody(minor: number) {
  const interfaces = t.array(t.object({ ...network, ...(minor >= 32 && { tag: t.optional(tag) }) }), { max: 64 })
  const server = {
    name, imageRef: t.optional(t.string({ max: 255 })), flavorRef: t.union(t.string({ min: 1 }), t.integer({ min: 0 })), adminPass: t.optional(t.string()), metadata: t.optional(metadata),
    'OS-DCF:diskConfig': t.optional(t.oneOf('AUTO', 'MANUAL')), accessIPv4: t.optional(t.string()), accessIPv6: t.optional(t.string()), availability_zone: t.optional(t.string({ min: 1 })), config_drive: t.optional(t.booleanLike()),
    key_name: t.optional(t.string({ min: 1 })), min_count: t.optional(t.integerLike()), max_count: t.optional(t.integerLike()), return_reservation_id: t.optional(t.booleanLike()),
    security_groups: t.optional(t.array(t.object({ name: t.string({ min: 1 }) }), { max: 100 })), user_data: t.optional(t.nullable(t.string({ max: 65_535 }))),
    block_device_mapping: t.optional(t.array(t.object(device), { max: 26 })),
    block_device_mapping_v2: t.optional(t.array(t.object({ ...device, ...(minor >= 32 && { tag: t.optional(tag) }), ...(minor >= 67 && { volume_type: t.optional(t.nullable(t.string())) }) }), { max: 26 })),
    networks: minor >= 37 ? t.union(interfaces, t.oneOf('auto', 'none')) : t.optional(interfaces),
    ...(minor < 57 && { personality: t.optional(t.array(t.open({ path: t.string(), contents: t.string({ max: 20_000 }) }), { max: 5 })) }),
    ...(minor >= 19 && { description: t.optional(text) }),
    ...(minor >= 52 && { tags: t.optional(t.array(tag, { max: 50 })) }),
    ...(minor >= 63 && { trusted_image_certificates: t.optional(t.nullable(t.array(t.string(), { max: 50 }))) }),
    ...(minor >= 74 && { host: t.optional(t.string({ min: 1 })), hypervisor_hostname: t.optional(t.string({ min: 1 })) }),
    ...(minor >= 90 && { hostname: t.optional(t.string({ min: 1, max: minor >= 94 ? 255 : 63, pattern: minor >= 94 ? '^[a-zA-Z0-9._-]*[a-zA-Z0-9]$' : '^[a-zA-Z0-9-]*[a-zA-Z0-9]$' })) }),
  }
  return { since: [2, minor] as const, schema: t.object({ server: t.object(server), 'os:scheduler_hints': hints, 'OS-SCH-HNT:scheduler_hints': hints }) }
}

function updateBody(minor: number) {
  const server = {
    name: t.optional(name), accessIPv4: t.optional(t.nullable(t.string())), accessIPv6: t.optional(t.nullable(t.string())), 'OS-DCF:diskConfig': t.optional(t.oneOf('AUTO', 'MANUAL')),
    ...(minor >= 19 && { description: t.optional(text) }), ...(minor >= 90 && { hostname: t.optional(t.string({ min: 1, max: 63, pattern: '^[a-zA-Z0-9-]*[a-zA-Z0-9]$' })) }),
  }
  return { since: [2, minor] as const, schema: t.object({ server: t.object(server) }) }
}

/** Routes of servers. */
export function serverRoutes({ servers, create }: { servers: ServerManager, create: CreateManager }): AnyRoute[] {
  return [
    route({
      method: 'GET', path: '/v2.1/servers', rule: rules.INDEX, status: 200, summary: 'List Servers', query,
      handle: ({ ctx, url, version }) => listServers(servers, ctx, url, version, false),
    }),
    route({
      method: 'GET', path: '/v2.1/servers/detail', rule: rules.DETAIL, status: 200, summary: 'List Servers Detailed', query,
      handle: ({ ctx, url, version }) => listServers(servers, ctx, url, version, true),
    }),
    route({
      method: 'POST', path: '/v2.1/servers', rule: rules.CREATE, status: 202, summary: 'Create Server',
      body: versioned(createBody(94), createBody(90), createBody(74), createBody(67), createBody(63), createBody(57), createBody(52), createBody(37), createBody(32), createBody(19), createBody(1)),
      async handle({ ctx, body, version }) {
        const request = requestOf(body as CreateBody, version)
        const made = await create.create(ctx, request)
        const first = made[0]!
        if (request.returnReservationId) return { reservation_id: first.reservationId }
        const server = {
          id: first.id, links: links(ctx, 'servers', first.id), 'OS-DCF:diskConfig': first.diskConfig, security_groups: first.securityGroups.map(group => ({ name: group })), adminPass: request.adminPass ?? create.adminPassword(),
        }
        return answer({ server }, { headers: { location: server.links[0]!.href } })
      },
    }),
    route({
      method: 'GET', path: '/v2.1/servers/{server_id}', rule: rules.SHOW, status: 200, summary: 'Show Server Details', params: serverId,
      handle: async ({ ctx, params, version }) => ({ server: viewServer(ctx, await servers.show(ctx, params.server_id), version, 'full') }),
    }),
    route({
      method: 'PUT', path: '/v2.1/servers/{server_id}', rule: rules.UPDATE, status: 200, summary: 'Update Server', params: serverId, body: versioned(updateBody(90), updateBody(19), updateBody(1)),
      async handle({ ctx, params, body, version }) {
        const { server: s } = body as { server: { name?: string, description?: string | null, hostname?: string, accessIPv4?: string | null, accessIPv6?: string | null, 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL' } }
        const changed = await servers.update(ctx, params.server_id, {
          name: s.name?.trim(), description: s.description, hostname: s.hostname, accessIpV4: accessAddress(s.accessIPv4, 4), accessIpV6: accessAddress(s.accessIPv6, 6), diskConfig: s['OS-DCF:diskConfig'],
        })
        return { server: viewServer(ctx, changed, version, 'changed') }
      },
    }),
    route({
      method: 'DELETE', path: '/v2.1/servers/{server_id}', rule: rules.DELETE, status: 204, summary: 'Delete Server', params: serverId,
      handle: async ({ ctx, params }) => servers.remove(ctx, params.server_id),
    }),
  ]
}


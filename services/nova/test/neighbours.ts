// Placement, Glance, Neutron and Cinder as Nova sees them, small, at the fetch seam: what they hold can be looked at, and each can be told to fail.
import { Readable } from 'node:stream'
import type { Fetch, FetchResponse } from '@alto/kit/http'

type Row = Record<string, any> // eslint-disable-line @typescript-eslint/no-explicit-any

/** What the other services hold. */
export interface Neighbourhood {
  providers: Map<string, Row>
  allocations: Map<string, Row>
  networks: Map<string, Row>
  ports: Map<string, Row>
  groups: Row[]
  floatingIps: Row[]
  images: Map<string, Row>
  volumes: Map<string, Row>
  snapshots: Map<string, Row>
  attachments: Map<string, Row>
  /** Ports of these networks stay DOWN. */
  silent: Set<string>
  /** Status to answer with, by `METHOD path-prefix`, once each. */
  failing: { match: string, status: number, message: string }[]
  /** Requests, by `METHOD path-prefix`, that wait until the promise says whether they are carried out. */
  held: { match: string, isDone: Promise<boolean> }[]
  requests: string[]
  /** Snapshots stay `creating` until the test says otherwise. */
  slowSnapshots?: boolean
  /** How volumes are reached; files of the host when not given. */
  connection?: Row
}

export const NETWORK = '10000000-0000-4000-8000-000000000001'
export const SUBNET = '10000000-0000-4000-8000-000000000002'
export const IMAGE = '20000000-0000-4000-8000-000000000001'
export const VOLUME = '30000000-0000-4000-8000-000000000001'
export const GROUP = '40000000-0000-4000-8000-000000000001'

/** An empty neighbourhood but for one network, image, volume and security group of project p1. */
export function neighbourhood(): Neighbourhood {
  return {
    providers: new Map(), allocations: new Map(), ports: new Map(), attachments: new Map(), snapshots: new Map(), silent: new Set(), failing: [], held: [], requests: [],
    networks: new Map([[NETWORK, { id: NETWORK, name: 'private', project_id: 'p1', shared: false, 'router:external': false, admin_state_up: true, subnets: [SUBNET], mtu: 1450 }]]),
    groups: [{ id: GROUP, name: 'web', description: '', project_id: 'p1' }],
    floatingIps: [],
    images: new Map([[IMAGE, { id: IMAGE, name: 'cirros', status: 'active', owner: 'p1', visibility: 'public', disk_format: 'qcow2', container_format: 'bare', size: 1000, virtual_size: 2 ** 30, min_disk: 0, min_ram: 0, os_hash_algo: 'sha512', os_hash_value: 'ab'.repeat(64), os_distro: 'cirros' }]]),
    volumes: new Map([[VOLUME, { id: VOLUME, status: 'available', size: 2, multiattach: false, bootable: 'false' }]]),
  }
}

/** Answers for all four services. */
export function neighbours(n: Neighbourhood): Fetch {
  let next = 100
  const id = (kind: string) => `${kind}0000000-0000-4000-8000-${String(++next).padStart(12, '0')}`
  const keyed = new Map<string, string>()

  return async ({ method, url, body, headers }) => {
    const { pathname, searchParams: q } = new URL(url, 'http://cloud')
    n.requests.push(`${method} ${pathname}`)
    const held = n.held.find(one => `${method} ${pathname}`.startsWith(one.match))
    if (held && !await held.isDone) throw new Error('the connection broke off')
    const broken = n.failing.findIndex(one => `${method} ${pathname}`.startsWith(one.match))
    if (broken >= 0) {
      const [{ status, message }] = n.failing.splice(broken, 1) as [Neighbourhood['failing'][number]]
      return respond(status, { error: { message } })
    }
    const json = (typeof body === 'string' ? JSON.parse(body) : {}) as Row
    const key = headers?.['x-alto-idempotency-key'] ?? ''
    const [, service, , noun, oid, sub] = (pathname.startsWith('/placement') ? pathname.replace('/placement', '/placement/v') : pathname).split('/')
    switch (service) {
      case 'placement': return placement(n, method, { noun: noun!, oid, sub, q, json })
      case 'network': return network(n, method, { noun: noun!, oid, q, json, key }, keyed, id)
      case 'image': return image(n, method, { oid, sub, json }, id, body)
      default: return volume(n, method, { noun: noun!, oid, sub, q, json, key, projectId: projectOf(headers?.['x-auth-token']) }, keyed, id)
    }
  }
}

function placement(n: Neighbourhood, method: string, { noun, oid, sub, q, json }: { noun: string, oid: string | undefined, sub: string | undefined, q: URLSearchParams, json: Row }): FetchResponse {
  const used = (provider: string, name: string) => [...n.allocations.values()].reduce((sum, one) => sum + (one['allocations'][provider]?.resources[name] ?? 0), 0)
  const fits = (provider: Row, resources: Row) => Object.entries(resources).every(([name, amount]) => {
    const inventory = provider['inventories'][name]
    return inventory && used(provider['uuid'], name) + Number(amount) <= (inventory.total - (inventory.reserved ?? 0)) * (inventory.allocation_ratio ?? 1)
  })
  if (noun === 'resource_providers') {
    if (method === 'POST') { n.providers.set(json['uuid'], { ...json, inventories: {}, generation: 0 }); return respond(200, {}) }
    const provider = n.providers.get(oid!)
    if (!provider) return respond(404, { errors: [{ detail: `No resource provider with uuid ${oid} found` }] })
    if (sub === 'usages') return respond(200, { usages: Object.fromEntries(Object.keys(provider['inventories']).map(name => [name, used(oid!, name)])) })
    if (method === 'PUT') Object.assign(provider, { inventories: json['inventories'], generation: provider['generation'] + 1 })
    if (method === 'DELETE') n.providers.delete(oid!)
    return respond(200, { ...provider, resource_provider_generation: provider['generation'] })
  }
  if (noun === 'allocation_candidates') {
    const resources = Object.fromEntries(q.get('resources')!.split(',').map(pair => pair.split(':')))
    return respond(200, { allocation_requests: [...n.providers.values()].filter(one => fits(one, resources)).map(one => ({ allocations: { [one['uuid']]: { resources: Object.fromEntries(Object.entries(resources).map(([k, v]) => [k, Number(v)])) } } })) })
  }
  if (method === 'GET') return respond(200, { allocations: n.allocations.get(oid!)?.['allocations'] ?? {} })
  if (method === 'DELETE') return respond(n.allocations.delete(oid!) ? 204 : 404)
  for (const [provider, { resources }] of Object.entries(json['allocations'] as Record<string, { resources: Row }>)) if (!fits(n.providers.get(provider)!, resources)) return respond(409, { errors: [{ detail: 'Unable to allocate' }] })
  n.allocations.set(oid!, json)
  return respond(204)
}

function network(n: Neighbourhood, method: string, { noun, oid, q, json, key }: { noun: string, oid: string | undefined, q: URLSearchParams, json: Row, key: string }, keyed: Map<string, string>, id: (kind: string) => string): FetchResponse {
  const wanted = (rows: Row[]) => rows.filter(row => [...new Set(q.keys())].every(name => q.getAll(name).includes(String(row[name]))))
  if (noun === 'networks') return respond(200, { networks: wanted([...n.networks.values()]) })
  if (noun === 'subnets') return respond(200, { subnets: wanted([{ id: SUBNET, network_id: NETWORK, cidr: '10.0.0.0/24', ip_version: 4, gateway_ip: '10.0.0.1', enable_dhcp: true, dns_nameservers: ['10.0.0.2'], host_routes: [] }]) })
  if (noun === 'security-groups') return respond(200, { security_groups: wanted(n.groups) })
  if (noun === 'floatingips') return respond(200, { floatingips: wanted(n.floatingIps) })
  if (method === 'GET' && oid === undefined) return respond(200, { ports: wanted([...n.ports.values()]) })
  if (method === 'POST') {
    const made = keyed.get(key) ?? id('5')
    keyed.set(key, made)
    const asked = json['port'] as Row
    if (!n.ports.has(made)) {
      const number = n.ports.size + 3
      n.ports.set(made, {
        name: '', admin_state_up: true, fixed_ips: [{ subnet_id: SUBNET, ip_address: `10.0.0.${number}` }], security_groups: ['default-group'], 'binding:vif_type': 'bridge', mac_address: `fa:16:3e:00:00:${String(number).padStart(2, '0')}`,
        ...asked, ...(asked['fixed_ips'] && { fixed_ips: [{ subnet_id: SUBNET, ...asked['fixed_ips'][0] }] }), id: made, status: n.silent.has(asked['network_id']) ? 'DOWN' : 'ACTIVE',
      })
    }
    return respond(201, { port: n.ports.get(made) })
  }
  const port = n.ports.get(oid!)
  if (!port) return respond(404, { NeutronError: { type: 'PortNotFound', message: `Port ${oid} could not be found.` } })
  if (method === 'DELETE') n.ports.delete(oid!)
  if (method === 'PUT') Object.assign(port, json['port'], { status: json['port']['device_id'] === '' ? 'DOWN' : 'ACTIVE' })
  return respond(method === 'DELETE' ? 204 : 200, method === 'DELETE' ? undefined : { port })
}

async function image(n: Neighbourhood, method: string, { oid, sub, json }: { oid: string | undefined, sub: string | undefined, json: Row }, id: (kind: string) => string, body: unknown): Promise<FetchResponse> {
  if (sub === 'members') {
    n.images.get(oid!)!['members'] = [json['member']]
    return respond(200, { member_id: json['member'], image_id: oid, status: 'pending' })
  }
  if (method === 'POST') {
    const made = id('2')
    n.images.set(made, { ...json, id: made, status: 'queued', owner: 'p1', size: null, virtual_size: null, os_hash_algo: null, os_hash_value: null })
    return respond(201, n.images.get(made))
  }
  const found = n.images.get(oid!)
  if (!found) return respond(404, 'No image found')
  if (sub === 'file' && method === 'PUT') {
    let size = 0
    for await (const chunk of body as AsyncIterable<Buffer>) size += chunk.length
    Object.assign(found, { status: 'active', size })
    return respond(204)
  }
  if (method === 'DELETE') n.images.delete(oid!)
  return respond(method === 'DELETE' ? 204 : 200, method === 'DELETE' ? undefined : found)
}

function volume(n: Neighbourhood, method: string, { noun, oid, sub, q, json, key, projectId }: { noun: string, oid: string | undefined, sub: string | undefined, q: URLSearchParams, json: Row, key: string, projectId: string | undefined }, keyed: Map<string, string>, id: (kind: string) => string): FetchResponse {
  if (noun === 'volumes') {
    if (method === 'POST' && oid === undefined) {
      const made = keyed.get(key) ?? id('3')
      keyed.set(key, made)
      if (!n.volumes.has(made)) n.volumes.set(made, { ...json['volume'], id: made, status: 'available', multiattach: false })
      return respond(202, { volume: n.volumes.get(made) })
    }
    const found = n.volumes.get(oid!)
    if (!found) return respond(404, { itemNotFound: { code: 404, message: `Volume ${oid} could not be found.` } })
    if (sub === 'action') Object.assign(found, { status: 'os-begin_detaching' in json ? 'detaching' : 'in-use' })
    if (method === 'DELETE') n.volumes.delete(oid!)
    return respond(method === 'GET' ? 200 : 202, method === 'GET' ? { volume: found } : undefined)
  }
  if (noun === 'snapshots') {
    if (method === 'POST') {
      const made = keyed.get(key) ?? id('7')
      keyed.set(key, made)
      const parent = n.volumes.get(json['snapshot']['volume_id'])!
      if (!n.snapshots.has(made)) n.snapshots.set(made, { ...json['snapshot'], id: made, status: n.slowSnapshots ? 'creating' : 'available', size: parent['size'], project: projectId })
      return respond(202, { snapshot: n.snapshots.get(made) })
    }
    const found = n.snapshots.get(oid!)
    if (!found || (projectId !== undefined && found['project'] !== projectId)) return respond(404, { itemNotFound: { code: 404, message: `Snapshot ${oid} could not be found.` } })
    if (method === 'DELETE') n.snapshots.delete(oid!)
    return respond(method === 'GET' ? 200 : 202, method === 'GET' ? { snapshot: found } : undefined)
  }
  if (method === 'GET') return respond(200, { attachments: [...n.attachments.values()].filter(one => one['instance'] === q.get('instance_id')) })
  if (method === 'POST' && sub === undefined) {
    const made = id('6')
    const { volume_uuid: volumeId, instance_uuid: instance } = json['attachment'] as Row
    if (n.volumes.get(volumeId)?.['status'] !== 'available') return respond(400, { badRequest: { code: 400, message: 'Invalid volume' } })
    n.volumes.get(volumeId)!['status'] = 'reserved'
    n.attachments.set(made, { id: made, instance, volume_id: volumeId, status: 'reserved', connection_info: {} })
    return respond(200, { attachment: n.attachments.get(made) })
  }
  const found = n.attachments.get(oid!)
  if (!found) return respond(404, { itemNotFound: { code: 404, message: 'no attachment' } })
  if (method === 'PUT') Object.assign(found, { status: 'attaching', connection_info: n.connection ?? { driver_volume_type: 'file', path: `/volumes/${found['volume_id']}`, format: 'qcow2', access_mode: 'rw' } })
  if (sub === 'action') { found['status'] = 'attached'; n.volumes.get(found['volume_id'])!['status'] = 'in-use' }
  if (method === 'DELETE') { n.attachments.delete(oid!); const of = n.volumes.get(found['volume_id']); if (of) of['status'] = 'available' }
  return respond(sub === 'action' ? 204 : 200, sub === 'action' ? undefined : { attachment: found })
}

/** The project of a user's token; services may see all. */
function projectOf(token: string | undefined): string | undefined {
  try {
    return (JSON.parse(Buffer.from(token ?? '', 'base64').toString()) as { projectId?: string }).projectId
  } catch {
    return undefined
  }
}

function respond(status: number, body?: unknown): FetchResponse {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' }, body: Readable.from([Buffer.from(text)]), text: async () => text, json: async () => text === '' ? undefined : JSON.parse(text) as unknown }
}

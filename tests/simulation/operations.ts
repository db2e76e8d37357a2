// What tenants do, each with a weight. They know no more than clients do: ids that they were given, and what they read.
import { PLACES, type Json, type Kind, type Tenant } from './tenant.ts'
import { STORES, type SimulatedSite } from './site.ts'

/** Whom an operation works with. */
export interface Scene {
  readonly site: SimulatedSite
  readonly me: Tenant
  readonly others: readonly Tenant[]
  readonly admin: Tenant
  /** The external network, and an image and flavors that everybody may use. */
  readonly common: { readonly external: string, readonly image: string, readonly flavors: readonly string[] }
}

/** A thing to do, and how often compared with the others. */
export interface Operation {
  readonly name: string
  readonly weight: number
  run(scene: Scene): Promise<unknown>
}

const C = '/compute/v2.1'
const N = '/networking/v2.0'
const POWER: readonly Json[] = [{ 'os-stop': null }, { 'os-start': null }, { 'os-start': null }, { reboot: { type: 'SOFT' } }, { reboot: { type: 'HARD' } }, { pause: null }, { unpause: null }, { suspend: null }, { resume: null }]

const pick = <T>({ site }: Scene, all: readonly T[]): T => all[site.chance.below(all.length)]!
const name = ({ site }: Scene) => `n${site.chance.below(1_000_000)}`
/** Some users give up before the answer comes. */
const patience = ({ site }: Scene) => site.oneIn(12) ? { patience: 1 + site.chance.below(40) } : {}

/** Asks something of one of the user's things, when there is one. */
async function about(scene: Scene, kind: Kind, method: string, path: string, body?: unknown, version?: string): Promise<void> {
  const id = scene.me.one(kind)
  if (id !== undefined) await scene.me.ask(method, `${PLACES[kind].path}/${id}${path}`, body, { ...patience(scene), ...(version !== undefined && { version }) })
}

/** Takes one away; some ask twice, at once or when the first had no answer. */
async function end(scene: Scene, kind: Kind, id = scene.me.one(kind)): Promise<void> {
  const { me, site } = scene
  if (id === undefined) return
  if (site.oneIn(8)) { await Promise.all([me.take(kind, id), me.take(kind, id)]); return }
  const status = await me.take(kind, id, patience(scene))
  if (status !== 0 || site.oneIn(3)) return
  await site.clock.sleep(500 + site.chance.below(5000))
  await me.take(kind, id)
}

async function createServer(scene: Scene): Promise<void> {
  const { site, me, common } = scene
  const [network, port, volume, snapshot, key, group] = [me.one('network'), me.one('port'), me.one('volume'), me.one('snapshot'), me.one('keypair'), me.one('serverGroup')]
  const device = (source_type: string, uuid: string) => ({ boot_index: 0, uuid, source_type, destination_type: 'volume', volume_size: 1 + site.chance.below(2), delete_on_termination: site.oneIn(2) })
  const root = site.chance.below(10)
  const devices = root === 0 && volume !== undefined ? [device('volume', volume)] : root === 1 && snapshot !== undefined ? [device('snapshot', snapshot)] : root === 2 ? [device('image', common.image)] : undefined
  if (devices?.[0]?.source_type === 'volume' && devices[0].delete_on_termination) me.noteMayGo('volume', volume!)
  const wire = site.chance.below(8)
  const networks = wire === 0 ? 'none' : wire === 1 && port !== undefined ? [{ port }] : network === undefined ? 'none' : [{ uuid: network }]
  const count = site.oneIn(5) ? 2 + site.chance.below(2) : 1
  const body = {
    name: name(scene), flavorRef: pick(scene, common.flavors), networks, ...(count > 1 && networks !== 'none' && !('port' in networks[0]!) && { min_count: 1, max_count: count }),
    ...(devices ? { block_device_mapping_v2: devices } : { imageRef: site.oneIn(5) ? me.one('image') ?? common.image : common.image }),
    ...(key !== undefined && site.oneIn(3) && { key_name: key }), ...(site.oneIn(3) && { metadata: { a: 'b' } }),
  }
  const hints = group !== undefined && site.oneIn(3) ? { 'os:scheduler_hints': { group } } : {}
  const { status, body: answer } = await me.ask('POST', `${C}/servers`, { server: body, ...hints }, { version: 'compute 2.79', ...patience(scene) })
  if (status === 202) me.noteThere('server', (answer['server'] as { id: string }).id)
}

async function createVolume(scene: Scene): Promise<void> {
  const { site, me, common } = scene
  const source = site.chance.below(6)
  const [snapshot_id, source_volid] = [me.one('snapshot'), me.one('volume')]
  const from = source === 0 ? { imageRef: common.image } : source === 1 && snapshot_id !== undefined ? { snapshot_id } : source === 2 && source_volid !== undefined ? { source_volid } : {}
  await me.make('volume', { name: name(scene), size: 1 + site.chance.below(3), ...from }, patience(scene))
}

async function createImage(scene: Scene): Promise<void> {
  const { site, me } = scene
  const id = await me.make('image', { name: name(scene), disk_format: 'raw', container_format: 'bare' })
  if (id === undefined || site.oneIn(6)) return
  const bytes = Buffer.alloc(512 * (1 + site.chance.below(8)), site.chance.below(256))
  const { status } = await me.ask('PUT', `/image/v2/images/${id}/file`, bytes, patience(scene))
  if (status === 0 && site.oneIn(2)) await me.ask('PUT', `/image/v2/images/${id}/file`, bytes)
}

/** An image from the web, or of staged bytes, in one store or both; sometimes there is nothing, and sometimes it is wanted no more before it is there. */
async function importImage(scene: Scene): Promise<void> {
  const { site, me } = scene
  const id = await me.make('image', { name: name(scene), disk_format: 'raw', container_format: 'bare' })
  if (id === undefined) return
  const isStaged = site.oneIn(2)
  if (isStaged) await me.ask('PUT', `/image/v2/images/${id}/stage`, Buffer.alloc(512 * (1 + site.chance.below(8)), site.chance.below(256)), patience(scene))
  const method = isStaged ? { name: 'glance-direct' } : { name: 'web-download', uri: `http://web/${site.oneIn(6) ? 'broken' : name(scene)}` }
  const where = site.oneIn(2) ? { stores: [pick(scene, STORES)] } : { all_stores: true, all_stores_must_succeed: site.oneIn(2) }
  await me.ask('POST', `/image/v2/images/${id}/import`, { method, ...where }, patience(scene))
  if (!site.oneIn(4)) return
  await site.clock.sleep(site.chance.below(5000))
  await end(scene, 'image', id)
}

/** An image gets one store more, or one less. */
async function moveImage(scene: Scene): Promise<void> {
  const { site, me, admin } = scene
  const id = me.one('image')
  if (id === undefined) return
  const store = pick(scene, STORES)
  if (site.oneIn(2)) await admin.ask('POST', `/image/v2/images/${id}/import`, { method: { name: 'copy-image' }, stores: [store] }, patience(scene))
  else await admin.ask('DELETE', `/image/v2/stores/${store}/${id}`, undefined, patience(scene))
}

async function attachVolume(scene: Scene): Promise<void> {
  const { me, site } = scene
  const [volumeId, servers] = [me.one('volume'), [me.one('server'), me.one('server')].filter(id => id !== undefined)]
  if (volumeId === undefined) return
  await Promise.all(servers.slice(0, site.oneIn(4) ? 2 : 1).map(id => me.ask('POST', `${C}/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId } }, patience(scene))))
}

async function detachVolume(scene: Scene): Promise<void> {
  const id = scene.me.one('server')
  if (id === undefined) return
  const { body } = await scene.me.ask('GET', `${C}/servers/${id}/os-volume_attachments`)
  const [first] = (body['volumeAttachments'] ?? []) as { volumeId: string }[]
  if (first) await scene.me.ask('DELETE', `${C}/servers/${id}/os-volume_attachments/${first.volumeId}`, undefined, patience(scene))
}

async function attachInterface(scene: Scene): Promise<void> {
  const [net_id, port_id] = [scene.me.one('network'), scene.me.one('port')]
  const interfaceAttachment = port_id !== undefined && scene.site.oneIn(2) ? { port_id } : net_id === undefined ? undefined : { net_id }
  if (interfaceAttachment) await about(scene, 'server', 'POST', '/os-interface', { interfaceAttachment })
}

async function detachInterface(scene: Scene): Promise<void> {
  const id = scene.me.one('server')
  if (id === undefined) return
  const { body } = await scene.me.ask('GET', `${C}/servers/${id}/os-interface`)
  const all = (body['interfaceAttachments'] ?? []) as { port_id: string }[]
  if (all.length > 0) await scene.me.ask('DELETE', `${C}/servers/${id}/os-interface/${pick(scene, all).port_id}`, undefined, patience(scene))
}

async function createNetwork(scene: Scene): Promise<void> {
  const { me, site } = scene
  const id = await me.make('network', { name: name(scene) })
  if (id !== undefined) await me.make('subnet', { network_id: id, ip_version: 4, cidr: `10.${site.chance.below(200)}.${site.chance.below(200)}.0/28` })
}

async function createPort(scene: Scene): Promise<void> {
  const network_id = scene.me.one('network')
  if (network_id !== undefined) await scene.me.make('port', { network_id, name: name(scene) }, patience(scene))
}

async function createRouter(scene: Scene): Promise<void> {
  const { me, site, common } = scene
  const id = await me.make('router', { name: name(scene), ...(!site.oneIn(3) && { external_gateway_info: { network_id: common.external } }) })
  const subnet_id = me.one('subnet')
  if (id !== undefined && subnet_id !== undefined) await me.ask('PUT', `${N}/routers/${id}/add_router_interface`, { subnet_id })
}

async function changeRouter(scene: Scene): Promise<void> {
  const { site, common } = scene
  const subnet_id = scene.me.one('subnet')
  if (site.oneIn(3) || subnet_id === undefined) return about(scene, 'router', 'PUT', '', { router: { external_gateway_info: site.oneIn(2) ? null : { network_id: common.external } } })
  return about(scene, 'router', 'PUT', site.oneIn(2) ? '/add_router_interface' : '/remove_router_interface', { subnet_id })
}

async function moveFloatingIp(scene: Scene): Promise<void> {
  const { me, site } = scene
  const ports = await me.ask('GET', `${N}/ports?device_owner=compute:nova`)
  const all = (ports.body['ports'] ?? []) as { id: string }[]
  await about(scene, 'floatingip', 'PUT', '', { floatingip: { port_id: all.length === 0 || site.oneIn(4) ? null : pick(scene, all).id } })
}

async function changeGroup(scene: Scene): Promise<void> {
  const { me, site } = scene
  const security_group_id = me.one('group')
  if (security_group_id === undefined) return
  const port = 1 + site.chance.below(9)
  await me.ask('POST', `${N}/security-group-rules`, { security_group_rule: { security_group_id, direction: 'ingress', protocol: 'tcp', port_range_min: port, port_range_max: port } })
  if (site.oneIn(2)) await about(scene, 'server', 'POST', '/action', { addSecurityGroup: { name: security_group_id } })
}

async function changeQuota({ admin, me, site }: Scene): Promise<void> {
  if (site.oneIn(2)) await admin.ask('PUT', `${C}/os-quota-sets/${me.projectId}`, { quota_set: { instances: 4 + site.chance.below(6), force: true } })
  else await admin.ask('PUT', `/volume/v3/os-quota-sets/${me.projectId}`, { quota_set: { volumes: 6 + site.chance.below(6), gigabytes: 20 + site.chance.below(30) } })
}

/** Reads every list: nothing of another tenant is in it. */
async function readLists({ me, site }: Scene): Promise<void> {
  const lists: readonly [path: string, key: string, owner: string][] = [
    [`${C}/servers/detail`, 'servers', 'tenant_id'], ['/volume/v3/volumes/detail', 'volumes', 'os-vol-tenant-attr:tenant_id'], [`${N}/ports`, 'ports', 'project_id'], [`${N}/routers`, 'routers', 'project_id'],
    [`${N}/floatingips`, 'floatingips', 'project_id'], [`${N}/security-groups`, 'security_groups', 'project_id'], ['/volume/v3/snapshots/detail', 'snapshots', 'os-extended-snapshot-attributes:project_id'],
    ['/image/v2/images?visibility=shared', 'images', 'owner'], [`${N}/networks?router:external=false`, 'networks', 'project_id'],
  ]
  for (const [path, key, owner] of lists) {
    const { status, body } = await me.ask('GET', path)
    for (const one of status === 200 ? body[key] as Json[] : []) {
      if (one[owner] !== me.projectId) site.broken.push(`${me.name} was shown ${String(one['id'])} of project ${String(one[owner])} by GET ${path}`)
    }
  }
}

/** Asks for what is another tenant's: it is not there. */
async function trespass(scene: Scene): Promise<void> {
  const { me, site } = scene
  const kind = pick(scene, ['server', 'volume', 'snapshot', 'image', 'network', 'port', 'router', 'floatingip'] as const)
  const id = pick(scene, scene.others).one(kind)
  if (id === undefined) return
  const method = site.oneIn(2) ? 'GET' : 'DELETE'
  const { status } = await me.ask(method, `${PLACES[kind].path}/${id}`)
  if (![404, 0, 503].includes(status)) site.broken.push(`${me.name} asked ${method} of ${kind} ${id}, which is another tenant's, and was answered ${status}`)
}

const ends = (weights: Partial<Record<Kind, number>>): Operation[] => (Object.entries(weights) as [Kind, number][]).map(([kind, weight]) => ({ name: `end ${kind}`, weight, run: scene => end(scene, kind) }))

export const OPERATIONS: readonly Operation[] = [
  { name: 'create server', weight: 12, run: createServer },
  { name: 'power', weight: 12, run: scene => about(scene, 'server', 'POST', '/action', pick(scene, POWER)) },
  { name: 'image of server', weight: 2, run: scene => about(scene, 'server', 'POST', '/action', { createImage: { name: name(scene) } }) },
  { name: 'metadata', weight: 2, run: scene => about(scene, 'server', 'PUT', '/metadata', { metadata: { [name(scene)]: 'x' } }) },
  { name: 'attach volume', weight: 8, run: attachVolume },
  { name: 'detach volume', weight: 5, run: detachVolume },
  { name: 'attach interface', weight: 4, run: attachInterface },
  { name: 'detach interface', weight: 3, run: detachInterface },
  { name: 'create volume', weight: 8, run: createVolume },
  { name: 'extend volume', weight: 4, run: scene => about(scene, 'volume', 'POST', '/action', { 'os-extend': { new_size: 2 + scene.site.chance.below(5) } }, 'volume 3.42') },
  { name: 'image of volume', weight: 2, run: scene => about(scene, 'volume', 'POST', '/action', { 'os-volume_upload_image': { image_name: name(scene), disk_format: 'raw', container_format: 'bare', force: true } }) },
  { name: 'create snapshot', weight: 4, run: async scene => { const volume_id = scene.me.one('volume'); if (volume_id !== undefined) await scene.me.make('snapshot', { name: name(scene), volume_id, force: true }, patience(scene)) } },
  { name: 'create image', weight: 3, run: createImage },
  { name: 'import image', weight: 4, run: importImage },
  { name: 'move image', weight: 4, run: moveImage },
  { name: 'create network', weight: 2, run: createNetwork },
  { name: 'create port', weight: 3, run: createPort },
  { name: 'create router', weight: 2, run: createRouter },
  { name: 'change router', weight: 3, run: changeRouter },
  { name: 'create floating IP', weight: 3, run: scene => scene.me.make('floatingip', { floating_network_id: scene.common.external }, patience(scene)) },
  { name: 'move floating IP', weight: 4, run: moveFloatingIp },
  { name: 'create security group', weight: 1, run: scene => scene.me.make('group', { name: name(scene) }) },
  { name: 'change security group', weight: 2, run: changeGroup },
  { name: 'create keypair', weight: 1, run: scene => scene.me.make('keypair', { name: name(scene), public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkKkK me' }) },
  { name: 'create server group', weight: 1, run: scene => scene.me.make('serverGroup', { name: name(scene), policies: [scene.site.oneIn(2) ? 'anti-affinity' : 'affinity'] }) },
  { name: 'change quota', weight: 1, run: changeQuota },
  { name: 'read lists', weight: 3, run: readLists },
  { name: 'trespass', weight: 3, run: trespass },
  ...ends({ server: 10, volume: 6, snapshot: 4, image: 3, network: 1, port: 3, router: 2, floatingip: 3, group: 1, keypair: 1, serverGroup: 1, subnet: 1 }),
]

// What must hold of the cloud once nothing is under way: nothing passes through a state for ever, nothing is wrong without a reason, and services, hosts and
// tenants say the same of each other. Each check gives a sentence for each thing that is wrong.
import type { SimulatedSite } from './site.ts'
import type { Kind, Tenant } from './tenant.ts'

interface Server { id: string, project_id: string, vm_state: string, task_state: string | null, host: string | null, flavor: string, fault: string | null }

/** The lists in which a tenant finds its own things, and where the id is. */
const LISTS: Readonly<Record<Kind, readonly [path: string, key: string]>> = {
  server: ['/compute/v2.1/servers?limit=1000', 'servers'], keypair: ['/compute/v2.1/os-keypairs', 'keypairs'], serverGroup: ['/compute/v2.1/os-server-groups', 'server_groups'],
  volume: ['/volume/v3/volumes', 'volumes'], snapshot: ['/volume/v3/snapshots', 'snapshots'], image: ['/image/v2/images?limit=1000', 'images'],
  network: ['/networking/v2.0/networks?router:external=false', 'networks'], subnet: ['/networking/v2.0/subnets', 'subnets'], port: ['/networking/v2.0/ports', 'ports'],
  router: ['/networking/v2.0/routers', 'routers'], floatingip: ['/networking/v2.0/floatingips', 'floatingips'], group: ['/networking/v2.0/security-groups', 'security_groups'],
}
/** Ports, groups and images that services make for tenants are none that they asked for; their end is asked for with what they belong to. */
const KINDS = Object.keys(LISTS) as Kind[]

/** The first check: cheap, and enough to see that something is still under way. */
export async function underWay(site: SimulatedSite): Promise<string[]> {
  const open = (await Promise.all((['nova', 'cinder', 'glance'] as const).map(async service =>
    (await site.rows<{ kind: string, resource_id: string, phase: string, waiting_for: string | null, last_error: string | null }>(service, 'select * from tasks where finished_at is null'))
      .map(task => `task ${task.kind} of ${service} ${task.resource_id} goes ${task.phase}: ${task.waiting_for ?? task.last_error ?? 'at work'}`)))).flat()
  const buried = [
    ...(await site.rows<{ id: string, host: string }>('nova', 'select server_id as id, host from server_wants where tombstone = 1')).map(row => `the end of server ${row.id} on ${row.host} is not reported`),
    ...(await site.rows<{ id: string, host: string }>('cinder', 'select id, host from disks where tombstone = 1')).map(row => `the end of disk ${row.id} on ${row.host} is not reported`),
    ...(await site.rows<{ id: string, kind: string, host: string }>('neutron', 'select resource_id as id, kind, host from host_rows where gone = 1')).map(row => `the end of ${row.kind} ${row.id} on ${row.host} is not reported`),
  ]
  const passing = [
    ...(await site.rows<Server>('nova', 'select * from servers where deleted_at is null')).filter(one => one.task_state !== null || one.vm_state === 'building').map(one => `server ${one.id} is ${one.vm_state} (${one.task_state})`),
    ...(await site.rows<{ id: string, status: string }>('cinder', 'select id, status from volumes')).filter(one => !/^(available|in-use|error.*)$/.test(one.status)).map(one => `volume ${one.id} is ${one.status}`),
    ...(await site.rows<{ id: string, status: string }>('cinder', 'select id, status from snapshots')).filter(one => !/^(available|error.*)$/.test(one.status)).map(one => `snapshot ${one.id} is ${one.status}`),
    ...(await site.rows<{ id: string, status: string }>('glance', "select id, status from images where status in ('saving', 'importing')")).map(one => `image ${one.id} is ${one.status}`),
    ...(await site.rows<{ id: string, state: string }>('glance', "select image_id as id, state from blobs where state in ('writing', 'doomed')")).map(one => `bytes of image ${one.id} are ${one.state}`),
  ]
  return [...open, ...buried, ...passing]
}

/** Everything else; asks the APIs, and lets time pass meanwhile. */
export async function wrongs(site: SimulatedSite, tenants: readonly Tenant[]): Promise<string[]> {
  const servers = await site.rows<Server>('nova', 'select s.*, f.message as fault from servers s left join server_faults f on f.server_id = s.id where s.deleted_at is null')
  const own = [
    ...await reasons(site, servers), ...await guests(site, servers), ...await attachments(site), ...await ports(site), ...await allocations(site, servers), ...await networks(site), ...await disks(site), ...await quotas(site, servers),
  ]
  if (own.length > 0) return own
  const { findings } = await site.controller!.audit({ repair: false })
  const wrong = findings.map(({ service, message }) => `the audit says of ${service}: ${message}`)
  for (const tenant of tenants) for (const kind of KINDS) wrong.push(...tenant.compare(kind, await listed(tenant, kind)))
  return wrong
}

/** Each tenant knows from now on what it has. */
export async function learn(tenants: readonly Tenant[]): Promise<void> {
  for (const tenant of tenants) for (const kind of KINDS) tenant.learn(kind, await listed(tenant, kind))
}

async function listed(tenant: Tenant, kind: Kind): Promise<Set<string>> {
  const things = await tenant.list(...LISTS[kind])
  const mine = kind === 'port' ? things.filter(one => one['name'] !== '') : kind === 'group' ? things.filter(one => one['name'] !== 'default')
    : kind === 'subnet' || kind === 'network' ? things.filter(one => one['project_id'] === tenant.projectId) : kind === 'image' ? things.filter(one => one['owner'] === tenant.projectId) : things
  return new Set(mine.map(one => (kind === 'keypair' ? (one['keypair'] as { name: string }).name : one['id']) as string))
}

async function reasons(site: SimulatedSite, servers: readonly Server[]): Promise<string[]> {
  const failed = await Promise.all((['volumes', 'snapshots'] as const).map(table => site.rows<{ id: string }>('cinder', `select id from ${table} where status like 'error%' and coalesce(reason, '') = ''`)))
  return [
    ...servers.filter(one => one.vm_state === 'error' && !one.fault).map(one => `server ${one.id} is in ERROR without a reason`),
    ...failed.flat().map(({ id }) => `${id} of cinder is in error without a reason`),
  ]
}

/** Guests are as the rows say. */
async function guests(site: SimulatedSite, servers: readonly Server[]): Promise<string[]> {
  const wrong: string[] = []
  const plugged = Map.groupBy(await site.rows<{ server_id: string, port_id: string }>('nova', 'select server_id, port_id from server_ports'), row => row.server_id)
  const attached = Map.groupBy(await site.rows<{ server_id: string, id: string }>('nova', 'select server_id, id from server_volumes'), row => row.server_id)
  for (const { id, vm_state: state, host } of servers.filter(one => one.vm_state !== 'error')) {
    const world = site.hosts.find(({ name }) => name === host)?.world
    if (!world) { wrong.push(`server ${id} is ${state} on no host`); continue }
    const sight = await world.compute.look(id)
    const expected = { active: ['running'], paused: ['paused'], stopped: ['none', 'ended', 'crashed'], suspended: ['none'] }[state] ?? []
    if (!expected.includes(sight.process)) wrong.push(`server ${id} is ${state}, its guest ${sight.process}`)
    if (sight.process !== 'running' && sight.process !== 'paused') continue
    const differ = (what: string, rows: readonly string[], there: readonly string[]) => {
      if (rows.toSorted().join() !== there.toSorted().join()) wrong.push(`server ${id} has ${what} ${rows.join(' ')}, its guest ${there.join(' ')}`)
    }
    differ('ports', plugged.get(id)?.map(row => row.port_id) ?? [], sight.ports)
    differ('volumes', attached.get(id)?.map(row => row.id) ?? [], sight.volumes.map(one => one.attachmentId))
  }
  for (const { name, world } of site.hosts) {
    for (const { serverId } of await world.compute.marked()) {
      const row = servers.find(one => one.id === serverId)
      if (row?.host !== name) wrong.push(`${name} has a guest of server ${serverId}, which is ${row ? `on ${row.host} (${row.vm_state})` : 'gone'}`)
    }
  }
  return wrong
}

/** Nova and Cinder say the same of who has which volume. */
async function attachments(site: SimulatedSite): Promise<string[]> {
  const nova = new Set((await site.rows<{ at: string }>('nova', "select volume_id || ' at ' || server_id || ' by ' || coalesce(attachment_id, '?') as at from server_volumes")).map(row => row.at))
  const cinder = new Set((await site.rows<{ at: string }>('cinder', "select volume_id || ' at ' || coalesce(instance_id, 'nobody') || ' by ' || id as at from attachments")).map(row => row.at))
  return [...differences('volume', nova, cinder, 'nova', 'cinder'),
    ...(await site.rows<{ id: string, status: string }>('cinder', "select id, status from attachments where status <> 'attached'")).map(row => `attachment ${row.id} is ${row.status}`)]
}

/** Nova and Neutron say the same of who has which port. */
async function ports(site: SimulatedSite): Promise<string[]> {
  const nova = new Set((await site.rows<{ at: string }>('nova', "select port_id || ' at ' || server_id as at from server_ports")).map(row => row.at))
  const neutron = new Set((await site.rows<{ at: string }>('neutron', "select id || ' at ' || device_id as at from ports where device_owner like 'compute:%'")).map(row => row.at))
  return [...differences('port', nova, neutron, 'nova', 'neutron'),
    ...(await site.rows<{ id: string, status: string }>('neutron', "select id, status from ports where device_owner like 'compute:%' and binding_host <> '' and status <> 'ACTIVE'")).map(row => `port ${row.id} of a server is ${row.status}`)]
}

/** Every server with a host has its resources there, and nobody else has any. */
async function allocations(site: SimulatedSite, servers: readonly Server[]): Promise<string[]> {
  const claims = new Set((await site.rows<{ at: string }>('placement', "select distinct a.consumer_id || ' at ' || p.name as at from allocations a join resource_providers p on p.id = a.provider_id")).map(row => row.at))
  const placed = new Set(servers.filter(one => one.host !== null).map(one => `${one.id} at ${one.host}`))
  return differences('server', placed, claims, 'nova', 'placement')
}

/** Fake hosts have the networks, ports and routers that concern them, and no others. */
async function networks(site: SimulatedSite): Promise<string[]> {
  const rows = await site.rows<{ host: string, kind: string, resource_id: string }>('neutron', 'select host, kind, resource_id from host_rows where gone = 0')
  const taps = await site.rows<{ id: string, host: string }>('neutron', "select id, binding_host as host from ports where binding_host <> '' and device_owner like 'compute:%' and vif_type <> 'binding_failed'")
  return site.hosts.flatMap(({ name, world }) => {
    const of = (kind: string) => new Set(rows.filter(row => row.host === name && row.kind === kind).map(row => row.resource_id))
    const { driver } = world.network
    return [
      ...differences('network', of('network'), new Set(driver.bridges.keys()), 'neutron', name), ...differences('router', of('router'), new Set(driver.routers.keys()), 'neutron', name),
      ...differences('port', new Set(taps.filter(tap => tap.host === name).map(tap => tap.id)), new Set(driver.ports.keys()), 'neutron', name),
    ]
  })
}

/** Fake hosts have the disks of volumes and snapshots, as large as these are, and no others. */
async function disks(site: SimulatedSite): Promise<string[]> {
  const rows = await site.rows<{ id: string, host: string, size: number, status: string }>('cinder', `select d.id, d.host, coalesce(v.size, s.size) as size, coalesce(v.status, s.status) as status from disks d
    left join volumes v on v.id = d.id left join snapshots s on s.id = d.id where d.tombstone = 0`)
  const wrong: string[] = []
  for (const { name, world } of site.hosts) {
    const here = rows.filter(row => row.host === name)
    const sound = new Set(here.filter(row => !row.status.startsWith('error')).map(row => row.id))
    const there = new Set((await world.volume.marked()).map(one => one.diskId))
    wrong.push(...[...sound].filter(id => !there.has(id)).map(id => `disk ${id} is not on ${name}`), ...[...there].filter(id => !here.some(row => row.id === id)).map(id => `${name} has disk ${id}, which is of nothing`))
    for (const row of here.filter(one => sound.has(one.id))) {
      const bytes = await world.volume.look(row.id) ?? 0
      if (bytes < row.size * 2 ** 30 && row.status === 'available') wrong.push(`disk ${row.id} has ${bytes} bytes, its volume ${row.size} GiB`)
    }
  }
  return wrong
}

/** Quota counters are the sums of the rows; the services' own audits say so of those that SQL can add up. */
async function quotas(site: SimulatedSite, servers: readonly Server[]): Promise<string[]> {
  const used = await site.rows<{ project_id: string, resource: string, used: number }>('nova', "select project_id, resource, used from quota_usages where resource in ('cores', 'ram')")
  return used.flatMap(({ project_id: project, resource, used: counted }) => {
    const flavors = servers.filter(one => one.project_id === project).map(one => JSON.parse(one.flavor) as { vcpus: number, ramMib: number })
    const sum = flavors.reduce((total, flavor) => total + (resource === 'cores' ? flavor.vcpus : flavor.ramMib), 0)
    return sum === counted ? [] : [`${resource} of ${project}: ${counted} counted, ${sum} there`]
  })
}

function differences(what: string, ones: ReadonlySet<string>, others: ReadonlySet<string>, one: string, other: string): string[] {
  return [...[...ones.difference(others)].map(id => `${what} ${id}: known to ${one}, not to ${other}`), ...[...others.difference(ones)].map(id => `${what} ${id}: known to ${other}, not to ${one}`)]
}

// The demo set: what the suites of gophercloud and Terraform, and the books, expect to find in a fresh cloud. Made through the public APIs; safe to repeat.
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'
import type { Fetch } from '@alto/kit/http'
import { emptyImage } from './empty-image.ts'

/** What the demo set needs to know. */
export interface DemoOptions {
  fetch: Fetch
  adminPassword: string
  demoPassword: string
  /** The bootable image, or undefined for one without content. */
  image: string | undefined
  /** Whether projects are held to Keystone's limits of images. */
  limited: boolean
  /** The external network's addresses: a /24 that is free on this machine. */
  publicCidr: string
}

/** id, name, MiB of memory, GiB of disk, vCPUs: DevStack's, and those of the client suites. */
const FLAVORS = [
  ['42', 'm1.nano', 192, 1, 1], ['84', 'm1.micro', 256, 1, 1], ['c1', 'cirros256', 256, 1, 1], ['1', 'm1.tiny', 512, 1, 1], ['2', 'm1.small', 2048, 20, 1],
  ['3', 'm1.medium', 4096, 40, 2], ['4', 'm1.large', 8192, 80, 4], ['5', 'm1.xlarge', 16_384, 160, 8], ['98', 'm1.resize', 512, 11, 1], ['99', 'm1.acctest', 512, 10, 1],
] as const
/** Of what a project may have of images; sizes are MiB. */
const LIMITS = [['image_size_total', 1000], ['image_stage_total', 1000], ['image_count_total', 100], ['image_count_uploading', 100]] as const
const IMAGE = 'cirros-alto-x86_64-disk'

/** Makes what is missing of the demo set; gives the external network's range when that was made now. Throws Fault('unavailable', 'demo.failed') naming the request that was refused. */
export async function makeDemoSet(opts: DemoOptions): Promise<{ externalRange?: string }> {
  const admin = await login(opts.fetch, 'admin', opts.adminPassword)
  const demo = await login(opts.fetch, 'demo', opts.demoPassword)
  const [madeExternal] = await Promise.all([makeNetworks(admin, demo, opts.publicCidr), makeFlavors(admin), makeImage(admin, opts)])
  return madeExternal ? { externalRange: opts.publicCidr } : {}
}

type Ask = (method: string, url: string, body?: unknown, accept?: readonly number[]) => Promise<Record<string, unknown>>

async function login(fetch: Fetch, name: string, password: string): Promise<Ask> {
  const response = await fetch({
    method: 'POST', url: '/identity/v3/auth/tokens', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, scope: { project: { name, domain: { id: 'default' } } } } }),
  })
  const token = response.headers['x-subject-token']
  await response.text()
  if (token === undefined) throw new Fault('unavailable', 'demo.failed', `${name} cannot log in`)
  return async (method, url, body, accept = []) => {
    const streamed = body instanceof Readable || body instanceof Uint8Array
    const answer = await fetch({
      method, url, headers: { 'x-auth-token': token, ...(body !== undefined && { 'content-type': streamed ? 'application/octet-stream' : 'application/json' }) },
      body: body === undefined ? undefined : streamed ? body : JSON.stringify(body),
    })
    const text = await answer.text()
    if (answer.status >= 300 && !accept.includes(answer.status)) throw new Fault('unavailable', 'demo.failed', `The demo set cannot be made: ${method} ${url} was answered ${answer.status}: ${text.slice(0, 500)}`)
    return text ? JSON.parse(text) as Record<string, unknown> : {}
  }
}

interface Thing { id: string, name: string, status?: string }

async function named(ask: Ask, url: string, collection: string, name: string): Promise<Thing | undefined> {
  return ((await ask('GET', url))[collection] as Thing[]).find(thing => thing.name === name)
}

async function makeFlavors(admin: Ask): Promise<void> {
  const { flavors } = await admin('GET', '/compute/v2.1/flavors?is_public=None') as { flavors: Thing[] }
  for (const [id, name, ram, disk, vcpus] of FLAVORS) {
    if (!flavors.some(f => f.id === id)) await admin('POST', '/compute/v2.1/flavors', { flavor: { id, name, ram, disk, vcpus, 'OS-FLV-EXT-DATA:ephemeral': id === '99' ? 10 : 0 } })
  }
}

async function makeImage(admin: Ask, { image: file, limited }: DemoOptions): Promise<void> {
  const there = await named(admin, `/image/v2/images?name=${IMAGE}`, 'images', IMAGE)
  if (there?.status === 'active') return
  if (there) await admin('DELETE', `/image/v2/images/${there.id}`)       // an earlier start ended during the upload
  if (limited) await registerLimits(admin)
  const image = await admin('POST', '/image/v2/images', { name: IMAGE, disk_format: 'qcow2', container_format: 'bare', visibility: 'public' }) as unknown as Thing
  await admin('PUT', `/image/v2/images/${image.id}/file`, file === undefined ? emptyImage() : createReadStream(file, { highWaterMark: 1024 * 1024 }))
}

/** Registers DevStack's limits of images, without which nobody may have any; those that the operator has registered stay. */
async function registerLimits(admin: Ask): Promise<void> {
  const [service] = (await admin('GET', '/identity/v3/services?type=image'))['services'] as Thing[]
  const { registered_limits: registered } = await admin('GET', `/identity/v3/registered_limits?service_id=${service!.id}`) as { registered_limits: { resource_name: string }[] }
  const missing = LIMITS.filter(([name]) => !registered.some(one => one.resource_name === name))
  if (missing.length > 0) await admin('POST', '/identity/v3/registered_limits', { registered_limits: missing.map(([resource_name, default_limit]) => ({ service_id: service!.id, resource_name, default_limit })) })
}

/** True when the external subnet was made now. */
async function makeNetworks(admin: Ask, demo: Ask, publicCidr: string): Promise<boolean> {
  const [n, a] = ['/networking/v2.0', publicCidr.split('.').slice(0, 3).join('.')] as const
  const external = await named(admin, `${n}/networks?name=public`, 'networks', 'public')
    ?? (await admin('POST', `${n}/networks`, { network: { name: 'public', 'router:external': true } }))['network'] as Thing
  const missing = !await named(admin, `${n}/subnets?name=public-subnet`, 'subnets', 'public-subnet')
  if (missing) {
    await admin('POST', `${n}/subnets`, { subnet: { name: 'public-subnet', network_id: external.id, ip_version: 4, cidr: publicCidr, gateway_ip: `${a}.1`, enable_dhcp: false, allocation_pools: [{ start: `${a}.2`, end: `${a}.254` }] } })
  }
  const tenant = await named(demo, `${n}/networks?name=private`, 'networks', 'private') ?? (await demo('POST', `${n}/networks`, { network: { name: 'private' } }))['network'] as Thing
  const subnet = await named(demo, `${n}/subnets?name=private-subnet`, 'subnets', 'private-subnet')
    ?? (await demo('POST', `${n}/subnets`, { subnet: { name: 'private-subnet', network_id: tenant.id, ip_version: 4, cidr: '10.0.0.0/26', dns_nameservers: [] } }))['subnet'] as Thing
  const router = await named(demo, `${n}/routers?name=router1`, 'routers', 'router1')
    ?? (await demo('POST', `${n}/routers`, { router: { name: 'router1', external_gateway_info: { network_id: external.id } } }))['router'] as Thing
  await demo('PUT', `${n}/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }, [400])      // 400: it is there already
  return missing
}

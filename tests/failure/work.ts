// What a user does while the cloud fails under her: stages that walk through every task there is, each until what she wants is so.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { systemIds } from '@alto/kit/ids'
import type { User } from './user.ts'
import { bytesAt } from './web.ts'

interface Server { id: string, name: string, status: string, 'OS-EXT-STS:task_state': string | null, 'OS-EXT-SRV-ATTR:host': string | null, addresses: Record<string, { addr: string }[]>, fault?: { message: string } }
interface Volume { id: string, name: string, status: string, size: number, attachments: { server_id: string }[], 'os-vol-host-attr:host'?: string | null }
interface Named { id: string, name: string, status: string }
interface Image extends Named { os_hash_value: string | null, stores: string }

const [C, V, N, I] = ['/compute/v2.1', '/volume/v3', '/networking/v2.0', '/image/v2'] as const

/** A stage of the work. */
export type Stage = (work: Work) => Promise<void>

/** What the work takes place in. */
export interface Surroundings {
  /** Resolves when a task comes to a point, from now on. */
  reaches(point: string): Promise<void>
  /** At a moment that is no point of a task: what is to die there dies. */
  dies(where: string): Promise<void>
  /** The URL of a server whose bytes are those of `bytesAt`. */
  web: string
}

/** The user's things, by the names that she gave them. */
export class Work {
  readonly user: User
  readonly around: Surroundings
  /** Bytes that the cloud has acknowledged, by image name: their sha512. */
  readonly #uploads = new Map<string, string>()

  constructor(user: User, around: Surroundings) {
    this.user = user
    this.around = around
  }

  async servers(): Promise<Server[]> {
    return this.user.get<Server[]>(`${C}/servers/detail?limit=500`, 'servers')
  }

  async volumes(): Promise<Volume[]> {
    return this.user.get<Volume[]>(`${V}/volumes/detail`, 'volumes')
  }

  /** The server, active and at rest; started or made anew when it is not. */
  server(name: string, host: string, network = 'net'): Promise<Server> {
    const { user } = this
    return user.ensure(`server ${name} on ${host}`, async () => {
      const found = await this.#server(name)
      return found?.status === 'ACTIVE' && found['OS-EXT-STS:task_state'] === null && found
    }, async () => {
      const found = await this.#server(name)
      if (found?.status === 'ERROR') return this.#giveUp(`server ${name}`, found.fault?.message, `${C}/servers/${found.id}`)
      if (found) return found.status === 'SHUTOFF' && found['OS-EXT-STS:task_state'] === null ? user.ask('POST', `${C}/servers/${found.id}/action`, { 'os-start': null }) : undefined
      const [image, net] = [await this.#named(`${I}/images?name=cirros-alto-x86_64-disk`, 'images', 'cirros-alto-x86_64-disk'), await this.#named(`${N}/networks?name=${network}`, 'networks', network)]
      return user.ask('POST', `${C}/servers`, { server: { name, imageRef: image!.id, flavorRef: '42', networks: [{ uuid: net!.id }], availability_zone: `nova:${host}` } })
    })
  }

  /** Asks for a server with a volume of its own, and wants it no more as soon as its task has come to `step`. */
  async regretted(name: string, host: string, step: string): Promise<void> {
    const { user } = this
    const [image, net] = [await this.#named(`${I}/images?name=cirros-alto-x86_64-disk`, 'images', 'cirros-alto-x86_64-disk'), await this.#named(`${N}/networks?name=net`, 'networks', 'net')]
    const device = { boot_index: -1, source_type: 'blank', destination_type: 'volume', volume_size: 1, delete_on_termination: true }
    const reached = this.around.reaches(`nova server.create/${step} beforeDo`)
    await user.ensure(`server ${name}`, () => this.#server(name), () => user.ask('POST', `${C}/servers`, {
      server: { name, imageRef: image!.id, flavorRef: '42', networks: [{ uuid: net!.id }], availability_zone: `nova:${host}`, block_device_mapping_v2: [{ boot_index: 0, source_type: 'image', destination_type: 'local', uuid: image!.id, delete_on_termination: true }, device] },
    }))
    await reached
    await user.ensure(`no server ${name}`, async () => !await this.#server(name), async () => { const found = await this.#server(name); return found && user.ask('DELETE', `${C}/servers/${found.id}`) })
  }

  /** Acts on the server until it has `status` and is at rest. */
  serverIs(name: string, status: string, action: unknown): Promise<unknown> {
    return this.user.ensure(`server ${name} ${status}`, async () => {
      const found = await this.#server(name)
      return found?.status === status && found['OS-EXT-STS:task_state'] === null
    }, async () => this.user.ask('POST', `${C}/servers/${(await this.#server(name))!.id}/action`, action))
  }

  volume(name: string, body: Readonly<Record<string, unknown>> = {}, size = 1): Promise<Volume> {
    return this.#made(`volume ${name}`, `${V}/volumes/detail`, 'volumes', name, 'available', `${V}/volumes`, { volume: { name, size, ...body } }) as Promise<Volume>
  }

  async attached(volume: string, server: string): Promise<void> {
    const { id } = (await this.#server(server))!
    const find = async () => (await this.volumes()).find(one => one.name === volume)!
    await this.user.ensure(`volume ${volume} at ${server}`, async () => {
      const found = await find()
      if (found.status !== 'in-use' || !found.attachments.some(one => one.server_id === id)) return false
      return (await this.user.get<{ volumeId: string }[]>(`${C}/servers/${id}/os-volume_attachments`, 'volumeAttachments')).some(one => one.volumeId === found.id) && await this.#rests(server)
    }, async () => this.user.ask('POST', `${C}/servers/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: (await find()).id } }))
  }

  async detached(volume: string, server: string): Promise<void> {
    const { id } = (await this.#server(server))!
    const find = async () => (await this.volumes()).find(one => one.name === volume)!
    await this.user.ensure(`volume ${volume} free`, async () => (await find()).status === 'available' && await this.#rests(server), async () => this.user.ask('DELETE', `${C}/servers/${id}/os-volume_attachments/${(await find()).id}`))
  }

  /** An image of these bytes; the cloud's hash is theirs once it has acknowledged them. Something may die when half of them are sent. */
  async image(name: string, bytes: Uint8Array): Promise<void> {
    const sha512 = sha512Of(bytes)
    await this.user.ensure(`image ${name}`, async () => (await this.#image(name))?.status === 'active', async () => {
      const put = await this.user.ask('PUT', `${I}/images/${await this.#record(name)}/file`, this.#sent(bytes, 'an upload'))
      if (put.status === 204) this.#uploads.set(name, sha512)
      return put
    })
    assert.equal((await this.#image(name))!.os_hash_value, sha512)
    this.#uploads.set(name, sha512)
  }

  /** An image of these bytes, staged and imported to both stores. */
  async staged(name: string, bytes: Uint8Array): Promise<void> {
    await this.#imported(name, bytes, async () => {
      const id = await this.#record(name)
      const staged = (await this.#image(name))?.status === 'uploading' ? undefined : await this.user.ask('PUT', `${I}/images/${id}/stage`, this.#sent(bytes, 'a staging'))
      return staged === undefined || staged.status === 204 ? this.user.ask('POST', `${I}/images/${id}/import`, { method: { name: 'glance-direct' }, stores: STORES }) : staged
    })
  }

  /** An image of what the web has under its name, imported to both stores. */
  async fetched(name: string): Promise<void> {
    await this.#imported(name, bytesAt(`/${name}`), async () => this.#fetch(await this.#record(name), name))
  }

  /** The image is in these stores, and in no other. */
  async isIn(name: string, stores: readonly string[]): Promise<void> {
    const now = async () => (await this.#image(name))!
    await this.user.ensure(`image ${name} in ${stores.join()}`, async () => { const { stores: there, status } = await now(); return status === 'active' && there === stores.toSorted().join() }, async () => {
      const { id, stores: there } = await now()
      const [more, less] = [stores.filter(one => !there.split(',').includes(one)), there.split(',').find(one => !stores.includes(one))]
      return more.length > 0 ? this.user.ask('POST', `${I}/images/${id}/import`, { method: { name: 'copy-image' }, stores: more }) : less === undefined ? undefined : this.user.ask('DELETE', `${I}/stores/${less}/${id}`)
    })
  }

  /** Asks for an image from the web, and wants it no more as soon as its task has come to `step`. */
  async unwanted(name: string, step: string): Promise<void> {
    const reached = this.around.reaches(`glance image.import/${step} beforeDo`)
    await this.user.ensure(`image ${name}`, async () => !['queued', undefined].includes((await this.#image(name))?.status), async () => this.#fetch(await this.#record(name), name))
    await reached
    await this.user.ensure(`no image ${name}`, async () => !await this.#image(name), async () => { const found = await this.#image(name); return found && this.user.ask('DELETE', `${I}/images/${found.id}`) })
  }

  /** Nothing acknowledged is lost: every image's bytes are those that were sent, and are read back (the cloud compares them on their way). */
  async uploadsAreWhole(): Promise<void> {
    for (const [name, sha512] of this.#uploads) {
      const found = await this.user.ensure(`image ${name}`, () => this.#image(name))
      assert.deepEqual([found.status, found.os_hash_value], ['active', sha512], name)
      for (const store of found.stores.split(',')) await this.user.ensure(`the bytes of ${name} in ${store}`, async () => (await this.user.ask('GET', `${I}/images/${found.id}/file?prefer=${store}`)).status === 200)
    }
  }

  async #imported(name: string, bytes: Uint8Array, act: () => Promise<unknown>): Promise<void> {
    await this.user.ensure(`image ${name} imported`, async () => (await this.#image(name))?.status === 'active', act)
    const { os_hash_value: hash, stores } = (await this.#image(name))!
    assert.deepEqual([hash, stores], [sha512Of(bytes), STORES.toSorted().join()])
    this.#uploads.set(name, sha512Of(bytes))
  }

  #fetch(id: string, name: string): Promise<unknown> {
    return this.user.ask('POST', `${I}/images/${id}/import`, { method: { name: 'web-download', uri: `${this.around.web}/${name}` }, stores: STORES })
  }

  /** The bytes, between whose halves something may die. */
  #sent(bytes: Uint8Array, what: string): ReadableStream {
    const { around } = this
    return ReadableStream.from((async function* () {
      yield bytes.subarray(0, bytes.length / 2)
      await around.dies(`the middle of ${what}`)
      yield bytes.subarray(bytes.length / 2)
    })())
  }

  #image(name: string): Promise<Image | undefined> {
    return this.#named(`${I}/images?name=${name}`, 'images', name) as Promise<Image | undefined>
  }

  /** The id of the image's record, which is made when there is none. */
  async #record(name: string): Promise<string> {
    return (await this.#image(name))?.id ?? (await this.user.ask('POST', `${I}/images`, { name, disk_format: 'raw', container_format: 'bare' })).body['id'] as string
  }

  snapshot(name: string, volume: Volume): Promise<unknown> {
    return this.#made(`snapshot ${name}`, `${V}/snapshots/detail`, 'snapshots', name, 'available', `${V}/snapshots`, { snapshot: { name, volume_id: volume.id, force: true } })
  }

  async extended(volume: string, size: number): Promise<void> {
    const find = async () => (await this.volumes()).find(one => one.name === volume)!
    await this.user.ensure(`volume ${volume} of ${size} GiB`, async () => { const { size: now, status } = await find(); return now === size && ['available', 'in-use'].includes(status) },
      async () => this.user.ask('POST', `${V}/volumes/${(await find()).id}/action`, { 'os-extend': { new_size: size } }))
  }

  /** An image made by an action (of a server or a volume), whose name it gets. */
  imageBy(name: string, path: string, body: unknown): Promise<unknown> {
    return this.user.ensure(`image ${name}`, async () => (await this.#named(`${I}/images?name=${name}`, 'images', name))?.status === 'active', async () => {
      const found = await this.#named(`${I}/images?name=${name}`, 'images', name)
      return found ? undefined : this.user.ask('POST', path, body)
    })
  }

  /** Network, subnet and router that leads out. */
  async network(name: string, cidr: string): Promise<void> {
    const { user } = this
    const named = (kind: string) => this.#named(`${N}/${kind}?name=${name}`, kind, name)
    await user.ensure(`network ${name}`, () => named('networks'), () => user.ask('POST', `${N}/networks`, { network: { name } }))
    const { id: network_id } = (await named('networks'))!
    const subnet = await user.ensure(`subnet ${name}`, () => named('subnets'), () => user.ask('POST', `${N}/subnets`, { subnet: { name, network_id, cidr, ip_version: 4 } }))
    const { id: outside } = (await this.#named(`${N}/networks?name=public`, 'networks', 'public'))!
    const router = await user.ensure(`router ${name}`, () => named('routers'), () => user.ask('POST', `${N}/routers`, { router: { name, external_gateway_info: { network_id: outside } } }))
    await user.ensure(`interface of ${name}`, async () => (await user.get<unknown[]>(`${N}/ports?device_id=${router.id}&network_id=${network_id}`, 'ports')).length > 0,
      () => user.ask('PUT', `${N}/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }))
  }

  /** A floating IP at the server, which is ACTIVE; its address. */
  async floating(server: string, tag: string): Promise<string> {
    const { user } = this
    const find = async () => (await user.get<(Named & { description: string, port_id: string | null, floating_ip_address: string })[]>(`${N}/floatingips`, 'floatingips')).find(one => one.description === tag)
    const { id: outside } = (await this.#named(`${N}/networks?name=public`, 'networks', 'public'))!
    await user.ensure(`floating IP ${tag}`, find, () => user.ask('POST', `${N}/floatingips`, { floatingip: { floating_network_id: outside, description: tag } }))
    const { id: device } = (await this.#server(server))!
    const [port] = await user.ensure(`port of ${server}`, async () => { const ports = await user.get<Named[]>(`${N}/ports?device_id=${device}`, 'ports'); return ports.length > 0 && ports })
    return (await user.ensure(`floating IP ${tag} at ${server}`, async () => { const found = await find(); return found?.port_id === port!.id && found.status === 'ACTIVE' && found },
      async () => user.ask('PUT', `${N}/floatingips/${(await find())!.id}`, { floatingip: { port_id: port!.id } }))).floating_ip_address
  }

  async interface(server: string, network: string): Promise<void> {
    const { id } = (await this.#server(server))!
    const net = (await this.#named(`${N}/networks?name=${network}`, 'networks', network))!
    const find = async () => (await this.user.get<{ net_id: string, port_id: string, port_state: string }[]>(`${C}/servers/${id}/os-interface`, 'interfaceAttachments')).find(one => one.net_id === net.id)
    await this.user.ensure(`interface of ${server} on ${network}`, async () => (await find())?.port_state === 'ACTIVE' && await this.#rests(server), async () => await find() ? undefined : this.user.ask('POST', `${C}/servers/${id}/os-interface`, { interfaceAttachment: { net_id: net.id } }))
    await this.user.ensure(`no interface of ${server} on ${network}`, async () => !await find() && await this.#rests(server), async () => this.user.ask('DELETE', `${C}/servers/${id}/os-interface/${(await find())!.port_id}`))
  }

  /** Takes everything away that carries one of the user's names. */
  async cleared(spared: ReadonlySet<string> = new Set()): Promise<void> {
    const gone = (kind: string, list: () => Promise<{ id: string, name: string }[]>, path: string, body?: (one: { id: string }) => Promise<unknown>) => this.user.ensure(`no ${kind}`, async () => (await mine(list)).length === 0,
      async () => { for (const one of await mine(list)) { await body?.(one); await this.user.ask('DELETE', `${path}/${one.id}`) } })
    const mine = async (list: () => Promise<{ id: string, name: string }[]>) => (await list()).filter(one => !spared.has(one.name) && !KEPT.includes(one.name))
    await gone('servers', () => this.servers(), `${C}/servers`)
    await gone('floating IPs', async () => (await this.user.get<{ id: string, description: string }[]>(`${N}/floatingips`, 'floatingips')).map(one => ({ id: one.id, name: one.description })), `${N}/floatingips`)
    await gone('snapshots', () => this.user.get<Named[]>(`${V}/snapshots/detail`, 'snapshots'), `${V}/snapshots`)
    await gone('volumes', () => this.volumes(), `${V}/volumes`)
    await gone('images', () => this.user.get<Named[]>(`${I}/images`, 'images'), `${I}/images`)
    this.#uploads.clear()
  }

  /** Fails when something is neither at rest nor in ERROR with a reason. */
  async everythingRests(): Promise<void> {
    await this.user.ensure('everything to come to rest', async () => {
      const [servers, volumes] = [await this.servers(), await this.volumes()]
      return servers.every(one => one['OS-EXT-STS:task_state'] === null && ['ACTIVE', 'SHUTOFF', 'ERROR', 'PAUSED', 'SUSPENDED'].includes(one.status)) && volumes.every(one => ['available', 'in-use', 'error'].includes(one.status))
    })
    for (const one of await this.servers()) if (one.status === 'ERROR') assert.ok(one.fault?.message, `server ${one.name} is in ERROR without a reason`)
  }

  async #server(name: string): Promise<Server | undefined> {
    return (await this.servers()).find(one => one.name === name)
  }

  async #rests(name: string): Promise<boolean> {
    return (await this.#server(name))?.['OS-EXT-STS:task_state'] === null
  }

  async #named(path: string, list: string, name: string): Promise<Named | undefined> {
    return (await this.user.get<Named[]>(path, list)).find(one => one.name === name)
  }

  /** Made once, with `status`; what ends in ERROR is deleted and made again. */
  #made(what: string, list: string, key: string, name: string, status: string, path: string, body: unknown): Promise<Named> {
    return this.user.ensure(what, async () => { const found = await this.#named(list, key, name); return found?.status === status && found }, async () => {
      const found = await this.#named(list, key, name)
      if (found?.status === 'error') return this.#giveUp(what, 'no reason is shown to users', `${path}/${found.id}`)
      return found ? undefined : this.user.ask('POST', path, body)
    })
  }

  async #giveUp(what: string, reason: string | undefined, path: string): Promise<unknown> {
    assert.ok(reason, `${what} is in ERROR without a reason`)
    this.user.errors.push(`${what}: ${reason}`)
    return this.user.ask('DELETE', path)
  }
}

function sha512Of(bytes: Uint8Array): string {
  return createHash('sha512').update(bytes).digest('hex')
}

/** Glance's, the default one first. */
export const STORES = ['file', 'cheap']

/** The demo set's. */
const KEPT = ['cirros-alto-x86_64-disk']

/** The stages, in an order that works. They end with nothing left. */
export const STAGES: Readonly<Record<string, Stage>> = {
  image: work => work.image('bytes', systemIds.bytes(8 * 2 ** 20)),
  async import(work) {
    await work.staged('staged', systemIds.bytes(8 * 2 ** 20))
    await work.fetched('fetched')
    await work.isIn('fetched', ['cheap'])
    await work.isIn('fetched', ['cheap', 'file'])
    for (const step of ['fetched', 'shaped', 'copied']) await work.unwanted(`unwanted-${step}`, step)
  },
  async volume(work) {
    const made = await work.volume('data')
    await work.snapshot('snap', made)
    await work.extended('data', 2)
    await work.imageBy('copy', `${V}/volumes/${made.id}/action`, { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2', container_format: 'bare' } })
    await work.user.ensure('volume data available', async () => (await work.volumes()).find(one => one.name === 'data')?.status === 'available')
  },
  async server(work) {
    await work.server('one', 'host1')
    await work.server('two', 'host2')
  },
  async attach(work) {
    for (const name of ['one', 'two']) {
      await work.attached('data', name)
      await work.snapshot(`of-${name}`, (await work.volumes()).find(one => one.name === 'data')!)          // by the server's host: the volume's, and another
      await work.detached('data', name)
    }
    await work.attached('data', 'one')
    await work.extended('data', 3)
  },
  async floating(work) {
    for (const name of ['one', 'two', 'one']) await work.floating(name, 'moving')
  },
  async interface(work) {
    await work.network('second', '10.78.0.0/24')
    await work.interface('two', 'second')
  },
  async power(work) {
    await work.serverIs('two', 'SHUTOFF', { 'os-stop': null })
    await work.serverIs('two', 'ACTIVE', { 'os-start': null })
    await work.user.ask('POST', `${C}/servers/${(await work.server('two', 'host2')).id}/action`, { reboot: { type: 'HARD' } })
    await work.server('two', 'host2')
  },
  async copy(work) {
    const { id } = await work.server('two', 'host2')
    await work.imageBy('server-copy', `${C}/servers/${id}/action`, { createImage: { name: 'server-copy' } })
    await work.server('two', 'host2')
  },
  async regret(work) {
    for (const step of ['claim', 'volumes', 'ports', 'wired', 'guest']) await work.regretted(`regret-${step}`, 'host1', step)
  },
  async end(work) {
    await work.everythingRests()
    await work.uploadsAreWhole()
    await work.cleared()
  },
}

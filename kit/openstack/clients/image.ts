// Glance, as a service that starts from images and makes them uses it.
import { Readable } from 'node:stream'
import { isFault } from '../../errors/index.ts'
import type { Caller, RestClient } from '../rest.ts'

/** An image; custom properties stand beside the known ones. */
export interface Image {
  readonly id: string
  readonly name: string | null
  readonly status: string
  readonly owner: string | null
  readonly visibility: string
  readonly disk_format: string | null
  readonly container_format: string | null
  readonly size: number | null
  readonly virtual_size: number | null
  readonly min_disk: number
  readonly min_ram: number
  readonly os_hash_algo: string | null
  readonly os_hash_value: string | null
  readonly [property: string]: unknown
}

export interface ImageClient {
  /** The image, or undefined when the caller sees none of that id. */
  image(as: Caller, id: string): Promise<Image | undefined>
  /** A queued image. */
  create(as: Caller, image: Readonly<Record<string, unknown>>): Promise<Image>
  /** Lets another project see a shared image. */
  share(as: Caller, id: string, projectId: string): Promise<void>
  /** Repeatable: an image that is gone is gone. */
  remove(as: Caller, id: string): Promise<void>
  /** The image's bytes. Throws Fault notFound. */
  download(id: string): Promise<AsyncIterable<Uint8Array>>
  /** Gives a queued image its bytes; nothing when it has them already. Throws Fault notFound. */
  upload(id: string, bytes: AsyncIterable<Uint8Array>): Promise<void>
}

const KNOWN = ['id', 'name', 'status', 'owner', 'visibility', 'disk_format', 'container_format', 'size', 'virtual_size', 'min_disk', 'min_ram', 'os_hash_algo', 'os_hash_value', 'checksum', 'created_at', 'updated_at', 'protected', 'os_hidden', 'tags', 'self', 'file', 'schema', 'direct_url', 'locations', 'stores']

/** The custom properties of an image: those that are text and not Glance's own. */
export function imageProperties(image: Image): Record<string, string> {
  return Object.fromEntries(Object.entries(image).filter((entry): entry is [string, string] => !KNOWN.includes(entry[0]) && typeof entry[1] === 'string'))
}

/** A client of Glance. */
export function imageClient(rest: RestClient): ImageClient {
  async function image(as: Caller, id: string): Promise<Image | undefined> {
    try {
      return (await rest.call({ as, method: 'GET', path: `/v2/images/${encodeURIComponent(id)}` })).body as Image
    } catch (error) {
      if (isFault(error) && error.kind === 'notFound') return undefined
      throw error
    }
  }
  return {
    image,
    create: async (as, body) => (await rest.call({ as, method: 'POST', path: '/v2/images', body })).body as Image,
    async share(as, id, projectId) { await rest.call({ as, method: 'POST', path: `/v2/images/${id}/members`, body: { member: projectId } }) },
    async remove(as, id) {
      try {
        await rest.call({ as, method: 'DELETE', path: `/v2/images/${id}` })
      } catch (error) {
        if (!isFault(error) || (error.kind !== 'notFound' && error.kind !== 'gone')) throw error
      }
    },
    async download(id) {
      return (await rest.stream({ as: 'service', method: 'GET', path: `/v2/images/${id}/file`, headers: { accept: 'application/octet-stream' } })).body
    },
    async upload(id, bytes) {
      if ((await image('service', id))?.status === 'active') return
      try {
        await rest.call({ as: 'service', method: 'PUT', path: `/v2/images/${id}/file`, headers: { 'content-type': 'application/octet-stream' }, stream: Readable.from(bytes) })
      } catch (error) {
        if (isFault(error) && error.kind === 'conflict' && (await image('service', id))?.status === 'active') return
        throw error
      }
    },
  }
}

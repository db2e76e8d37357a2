// Imports: what a client may ask for, and the marks that an image carries while it is imported.
import { Fault } from '@alto/kit/errors'
import { isUuid } from '@alto/kit/ids'
import { invalid } from './faults.ts'
import type { Image } from './images.ts'

export const IMPORT_METHODS = ['glance-direct', 'web-download', 'copy-image', 'glance-download'] as const
export type ImportMethod = typeof IMPORT_METHODS[number]

/** What is done to bytes between their coming and their stores, in this order. */
export const IMPORT_PLUGINS = ['no_op', 'image_decompression', 'image_conversion', 'inject_image_metadata'] as const

/** Properties that say how an import stands: the task that has the image, the stores it still goes to, the stores that it did not come to. */
export const LOCK = 'os_glance_import_task'
export const IMPORTING = 'os_glance_importing_to_stores'
export const FAILED = 'os_glance_failed_import'

/** An image of another Glance, which the catalog names by region and interface. */
export interface RemoteImage { region: string, imageId: string, interface: string }

/** An import, as a client asks for it. */
export interface ImportRequest {
  method: ImportMethod
  uri: string | undefined
  remote: RemoteImage | undefined
  /** Store ids; undefined when none was named. */
  stores: readonly string[] | undefined
  allStores: boolean
  allMustSucceed: boolean
}

/** Reads a request's body, with upstream's checks in upstream's order. Throws Fault('badRequest'). */
export function readImport(body: Readonly<Record<string, unknown>>, enabled: readonly string[]): ImportRequest {
  if (!('method' in body)) throw invalid('import.method', "Import request requires a 'method' field.")
  const method = typeof body['method'] === 'object' && body['method'] !== null ? body['method'] as Readonly<Record<string, unknown>> : {}
  if (!('name' in method)) throw invalid('import.name', "Import request requires a 'name' field.")
  const name = IMPORT_METHODS.find(one => one === method['name'] && enabled.includes(one))
  if (name === undefined) throw invalid('import.method', `Unknown import method name '${String(method['name']).slice(0, 255)}'.`)
  const { all_stores_must_succeed: allMustSucceed = true, all_stores: allStores = false, stores } = body
  if (typeof allMustSucceed !== 'boolean') throw invalid('import.mustSucceed', "'all_stores_must_succeed' must be boolean value only")
  if (typeof allStores !== 'boolean') throw invalid('import.allStores', "'all_stores' must be boolean value only")
  if (stores !== undefined && !(Array.isArray(stores) && stores.length <= 100 && stores.every(one => typeof one === 'string'))) throw invalid('import.stores', "'stores' must be a list of at most 100 store identifiers")
  return { method: name, uri: typeof method['uri'] === 'string' ? method['uri'] : undefined, remote: name === 'glance-download' ? remoteOf(method) : undefined, stores, allStores, allMustSucceed }
}

/** A remote image whose id is still to be checked: what is missing is told after the image's own state. */
function remoteOf(method: Readonly<Record<string, unknown>>): RemoteImage {
  const text = (name: string, otherwise = '') => typeof method[name] === 'string' ? method[name] : otherwise
  return { region: text('glance_region'), imageId: text('glance_image_id'), interface: text('glance_service_interface', 'public') }
}

/** Throws the Fault that keeps `image` from being imported so, in upstream's words; undefined when nothing does. */
export function mayImport(image: Image, { method, remote }: ImportRequest): void {
  const no = (message: string) => { throw new Fault('conflict', 'glance.import.state', message) }
  if (image.status === 'active' && method !== 'copy-image') no('Image with status active cannot be target for import')
  if (image.status !== 'active' && method === 'copy-image') no('Only images with status active can be targeted for copying')
  if (Object.hasOwn(image.properties, LOCK)) no('Image has active task')
  if (image.status !== 'queued' && (method === 'web-download' || method === 'glance-download')) no(`Image needs to be in 'queued' state to use '${method}' method`)
  if (image.status !== 'uploading' && method === 'glance-direct') no("Image needs to be staged before 'glance-direct' method can be used")
  if (method !== 'glance-download' && image.containerFormat === null) no("'container_format' needs to be set before import")
  if (method !== 'glance-download' && image.diskFormat === null) no("'disk_format' needs to be set before import")
  if (!remote) return
  if (remote.region === '') throw invalid('import.region', "'glance_region' needs to be set for glance-download import method")
  if (remote.imageId === '') throw invalid('import.image', "'glance_image_id' needs to be set for glance-download import method")
  if (!isUuid(remote.imageId)) throw invalid('import.image', `Remote image id does not look like a UUID: ${remote.imageId.slice(0, 255)}`)
}

/** The stores of `all` that a request means, the default one (the first) when it names none. `header` is X-Image-Meta-Store. Throws Fault('badRequest' | 'conflict'). */
export function storesOf({ stores, allStores }: ImportRequest, header: string | undefined, all: readonly string[]): string[] {
  if (allStores && (stores !== undefined || header !== undefined)) throw invalid('import.stores', "All_stores parameter can't be used with x-image-meta-store header or stores parameter")
  if (stores !== undefined && header !== undefined) throw invalid('import.stores', "Stores parameter and x-image-meta-store header can't be both specified")
  if (allStores) return [...all]
  const named = stores ?? [header ?? all[0]!]
  const unknown = named.find(one => !all.includes(one))
  if (unknown !== undefined) throw new Fault('conflict', 'glance.store.unknown', `Store for identifier ${unknown.slice(0, 255)} not found`)
  return [...new Set(named)]
}

/** A URL that is refused, as it may be repeated to its sender and be logged: nothing of its user, however it is spelled. */
export function withoutUser(url: string): string {
  return url.replace(/^([a-z][a-z\d+.-]*:)?.*@/is, '$1//***@').slice(0, 255)
}

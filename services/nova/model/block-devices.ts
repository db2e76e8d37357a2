// Block devices that an image brings along: its properties `block_device_mapping`, `bdm_v2` and `root_device_name`, as a server that boots from a volume leaves them
// in its image. To whoever starts from the image they are text of a stranger: each entry is read field by field, and asks for nothing that a request could not.
import { invalid } from './faults.ts'
import type { BlockDevice } from './requests.ts'
import type { ServerVolume } from './volumes.ts'

/** Devices that a server has at most, the root among them. */
export const MAX_DEVICES = 26

/** Characters of a mapping: 26 entries with every field at its longest are less. */
const LONGEST = 65_536

const FIELDS = new Set([
  'source_type', 'destination_type', 'guest_format', 'device_type', 'disk_bus', 'boot_index', 'device_name', 'delete_on_termination', 'snapshot_id', 'volume_id', 'volume_size', 'image_id', 'no_device', 'connection_info', 'tag',
  'volume_type', 'encrypted', 'encryption_secret_uuid', 'encryption_format', 'encryption_options', 'id', 'instance_uuid', 'attachment_id', 'uuid', 'created_at', 'updated_at', 'deleted_at', 'deleted',
])
const OWN = ['block_device_mapping', 'mappings', 'bdm_v2', 'root_device_name']
const NOT_INHERITED = ['cinder_encryption_key_id', 'cinder_encryption_key_deletion_policy', 'img_signature', 'img_signature_hash_method', 'img_signature_key_type', 'img_signature_certificate_uuid', 'cache_in_nova', 'bittorrent']

type Entry = Readonly<Record<string, unknown>>

/** The devices that an image with these properties brings; none for most. Throws Fault badRequest `nova.blockDevice.format` for what is none. */
export function imageDevices(properties: Readonly<Record<string, string>>): BlockDevice[] {
  const text = properties['block_device_mapping'] ?? ''
  if (text === '') return []
  const entries = entriesIn(text)
  // As upstream, any text in bdm_v2 says that the entries are in the newer form: `False` too.
  return (properties['bdm_v2'] ?? '') === '' ? entries.map(one => legacyOf(one, properties['root_device_name'] ?? 'vda')) : entries.map(deviceOf)
}

/**
 * What a request asks for together with what the image brings: a device of the request takes the place of the image's of that name, and an image that brings its own root
 * is not what the root is made from (upstream's _check_and_transform_bdm).
 */
export function mergedDevices(request: { readonly blockDevices: readonly BlockDevice[], readonly hasLegacyDevices?: boolean }, ofImage: readonly BlockDevice[]): BlockDevice[] {
  const bringsRoot = ofImage.some(one => one.bootIndex === 0)
  const asked = !bringsRoot ? request.blockDevices
    : request.hasLegacyDevices ? request.blockDevices.map(one => ({ ...one, bootIndex: null }))
      : request.blockDevices.filter(one => !(one.bootIndex === 0 && one.source === 'image'))
  const named = new Set(asked.flatMap(one => one.device ?? []))
  return [...asked, ...ofImage.filter(one => one.device === undefined || !named.has(one.device))].filter(one => !one.isAbsent)
}

/** The entry by which a server from an image gets a volume made from the snapshot, as the server's own volume was. */
export function mappingOf(volume: Pick<ServerVolume, 'device' | 'bootIndex' | 'size' | 'deleteOnTermination'>, snapshotId: string): Readonly<Record<string, unknown>> {
  return {
    source_type: 'snapshot', destination_type: 'volume', snapshot_id: snapshotId, volume_id: null, image_id: null, boot_index: volume.bootIndex, device_name: volume.device, device_type: 'disk', disk_bus: 'virtio',
    delete_on_termination: volume.deleteOnTermination, volume_size: volume.size, volume_type: null, guest_format: null, no_device: null, tag: null, encrypted: null, encryption_secret_uuid: null, encryption_format: null, encryption_options: null,
  }
}

/** The properties that a server keeps of its image: all but those by which the image brings devices. */
export function keptProperties(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !OWN.includes(key)))
}

/** The properties that an image of a server has from the server's own image. */
export function inheritedProperties(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(keptProperties(properties)).filter(([key]) => !NOT_INHERITED.includes(key) && !key.startsWith('os_glance') && !key.startsWith('owner_specified')))
}

function entriesIn(text: string): Entry[] {
  if (text.length > LONGEST) throw malformed(`the image's block_device_mapping is longer than ${LONGEST} characters.`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw malformed('the image\'s block_device_mapping is not JSON.')
  }
  if (!Array.isArray(parsed) || parsed.some(one => typeof one !== 'object' || one === null || Array.isArray(one))) throw malformed('the image\'s block_device_mapping is not a list of devices.')
  if (parsed.length > MAX_DEVICES) throw malformed(`the image's block_device_mapping has ${parsed.length} devices; a server has at most ${MAX_DEVICES}.`)
  return parsed as Entry[]
}

function deviceOf(entry: Entry): BlockDevice {
  const unknown = Object.keys(entry).filter(key => !FIELDS.has(key))
  if (unknown.length) throw malformed(`Following fields are invalid: ${unknown.join(' ').slice(0, 200)}`)
  const device = deviceName(entry['device_name'])
  if (isSet(entry['no_device'])) return { source: 'blank', destination: 'volume', bootIndex: null, deleteOnTermination: false, isAbsent: true, ...(device !== undefined && { device }) }
  const [source, destination] = [entry['source_type'], entry['destination_type']]
  if (source === undefined) throw malformed('Some required fields are missing')
  if (source !== 'volume' && source !== 'snapshot' && source !== 'image' && source !== 'blank') throw malformed('source_type is not one of volume, snapshot, image and blank.')
  if (!isNothing(destination) && destination !== 'volume' && destination !== 'local') throw malformed('destination_type is neither volume nor local.')
  const id = source === 'blank' ? undefined : text(entry, `${source}_id`)
  if (source !== 'blank' && id === undefined) throw malformed('Missing device UUID.')
  if (id !== undefined && !/^[0-9a-f-]{32,36}$/i.test(id)) throw malformed(`failed to get ${source} ${id}.`)
  const [size, bootIndex, tag, volumeType] = [isSet(entry['volume_size']) ? integer(entry['volume_size']) : null, isNothing(entry['boot_index']) ? null : integer(entry['boot_index']), text(entry, 'tag'), text(entry, 'volume_type')]
  if (size === undefined || (size !== null && size < 0)) throw malformed('Invalid volume_size.')
  if (bootIndex === undefined) throw malformed('Boot index is invalid.')
  if (tag !== undefined && !/^[^,/]{1,60}$/.test(tag)) throw malformed('a tag has 1 to 60 characters, none of them a comma or a slash.')
  return {
    source, destination: isNothing(destination) ? source === 'volume' || source === 'snapshot' ? 'volume' : 'local' : destination, bootIndex: bootIndex !== null && bootIndex < 0 ? null : bootIndex,
    deleteOnTermination: isTrue(entry['delete_on_termination']), ...(id !== undefined && { id }), ...(size !== null && size > 0 && { size }), ...(device !== undefined && { device }), ...(tag !== undefined && { tag }), ...(volumeType !== undefined && { volumeType }),
  }
}

/** The first form: the device that is named as the root is what the server boots from. Fields that it does not have are no fault there. */
function legacyOf(entry: Entry, root: string): BlockDevice {
  const { virtual_name: virtual, device_name, delete_on_termination, volume_size, no_device } = entry
  const common = { device_name, volume_size, delete_on_termination }
  if (typeof virtual === 'string' && /^(swap|ephemeral\d+)$/.test(virtual)) return deviceOf({ ...common, source_type: 'blank', destination_type: 'local', delete_on_termination: true })
  const boot_index = typeof device_name === 'string' && bare(device_name) === bare(root) ? 0 : null
  if (isSet(entry['snapshot_id'])) return deviceOf({ ...common, boot_index, source_type: 'snapshot', snapshot_id: entry['snapshot_id'] })
  if (isSet(entry['volume_id'])) return deviceOf({ ...common, boot_index, source_type: 'volume', volume_id: entry['volume_id'] })
  if (isSet(no_device)) return deviceOf({ device_name, no_device })
  throw malformed('Unrecognized legacy format.')
}

function deviceName(value: unknown): string | undefined {
  if (isNothing(value)) return undefined
  if (typeof value !== 'string' || value === '' || value.length > 255) throw malformed('Device name empty or too long.')
  if (/[\p{Cc} ]/u.test(value)) throw malformed('Device name contains spaces.')
  return `/dev/${bare(value)}`
}

/** A field that holds text, or nothing. */
function text(entry: Entry, key: string): string | undefined {
  const value = entry[key]
  if (isNothing(value) || value === '') return undefined
  if (typeof value !== 'string' || value.length > 255 || /\p{Cc}/u.test(value)) throw malformed(`${key} is not text of at most 255 characters.`)
  return value
}

/** A whole number, or its digits; undefined for what is none. */
function integer(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\s*[-+]?\d{1,15}\s*$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || (typeof value === 'string' && ['1', 't', 'true', 'on', 'y', 'yes'].includes(value.trim().toLowerCase()))
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined
}

function isSet(value: unknown): boolean {
  return !isNothing(value) && value !== '' && value !== false && value !== 0
}

function bare(device: string): string {
  return device.replace(/^\/dev\//, '')
}

function malformed(why: string) {
  return invalid('blockDevice.format', `Block Device Mapping is Invalid: ${why}`)
}

// Images: what one is, the states it goes through, and what a client may say of it.
import { Fault } from '@alto/kit/errors'

/** Which state may follow which. Nothing else moves an image; `deleted` rows stay, so that no id is used twice. */
export const TRANSITIONS = {
  queued: ['saving', 'uploading', 'importing', 'active', 'deleted'],
  saving: ['active', 'killed', 'deleted', 'queued'],
  uploading: ['importing', 'queued', 'deleted'],
  importing: ['active', 'queued', 'deleted'],
  active: ['deactivated', 'pending_delete', 'deleted'],
  deactivated: ['active', 'deleted'],
  killed: ['deleted'],
  pending_delete: ['deleted'],
  deleted: [],
} as const satisfies Record<string, readonly string[]>

export type Status = keyof typeof TRANSITIONS

export const VISIBILITIES = ['community', 'public', 'private', 'shared'] as const
export type Visibility = typeof VISIBILITIES[number]

export const DISK_FORMATS = ['ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'] as const
export const CONTAINER_FORMATS = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] as const

/** An image's record. Times are milliseconds, sizes bytes. */
export interface Image {
  id: string
  /** A project; null for none. */
  owner: string | null
  name: string | null
  status: Status
  visibility: Visibility
  diskFormat: string | null
  containerFormat: string | null
  size: number | null
  virtualSize: number | null
  /** MD5 of the bytes, hexadecimal. */
  checksum: string | null
  hashAlgo: string | null
  hashValue: string | null
  minRam: number
  minDisk: number
  isProtected: boolean
  hidden: boolean
  createdAt: number
  updatedAt: number
  /** Counts changes; a change is made only to the generation that was read. */
  generation: number
  properties: Readonly<Record<string, string>>
  tags: readonly string[]
}

/** What the bytes turned out to be, once all have come in. */
export interface Content {
  size: number
  virtualSize: number | null
  checksum: string
  hashAlgo: string
  hashValue: string
}

/** The Fault that a move from `from` to `to` meets; undefined when it is allowed. */
export function refusedMove(from: Status, to: Status): Fault | undefined {
  if ((TRANSITIONS[from] as readonly string[]).includes(to)) return undefined
  return new Fault('conflict', 'glance.image.status', `Image status transition from ${from} to ${to} is not allowed`)
}

/** Throws Fault('badRequest') for an image that cannot have bytes, because it does not say of what format they are. */
export function needFormats({ diskFormat, containerFormat }: Image): void {
  const missing = [...diskFormat === null ? ['disk_format'] : [], ...containerFormat === null ? ['container_format'] : []]
  if (missing.length) throw new Fault('badRequest', 'glance.image.incomplete', `Properties ${missing.join(', ')} must be set prior to saving data.`)
}

/** Attributes that only Glance writes. */
export const READ_ONLY = ['created_at', 'updated_at', 'status', 'checksum', 'size', 'virtual_size', 'os_hash_algo', 'os_hash_value', 'direct_url', 'self', 'file', 'schema', 'stores']
/** Names that no property may have. */
export const RESERVED = ['location', 'deleted', 'deleted_at']
/** Attributes of every image, under their names on the wire; anything else is a property. */
export const ATTRIBUTES = ['id', 'name', 'visibility', 'protected', 'os_hidden', 'owner', 'tags', 'disk_format', 'container_format', 'min_ram', 'min_disk', ...READ_ONLY]

/** Throws Fault('forbidden') when a client may not set the attribute or property `name`. */
export function mayBeSet(name: string): void {
  if (READ_ONLY.includes(name)) throw new Fault('forbidden', 'glance.attribute.readOnly', `Attribute '${name}' is read-only.`)
  if (RESERVED.includes(name) || name.startsWith('os_glance')) throw new Fault('forbidden', 'glance.attribute.reserved', `Attribute '${name}' is reserved.`)
}

/** How many properties and tags an image may have; below 0 any number. */
export interface Limits { properties: number, tags: number }

/** Throws Fault('tooLarge') when the image has more properties or tags than `limits` allow. Glance's own marks (`os_glance…`) do not count. */
export function withinLimits(image: Image, limits: Limits): void {
  const counts = [['properties', Object.keys(image.properties).filter(name => !name.startsWith('os_glance')).length, limits.properties], ['tags', image.tags.length, limits.tags]] as const
  for (const [what, count, most] of counts) {
    if (most >= 0 && count > most) throw new Fault('tooLarge', `glance.image.${what}`, `The limit has been exceeded on the number of allowed image ${what}. Attempted: ${count}, Maximum: ${most}`)
  }
}

/** `2026-01-31T12:00:00Z` of milliseconds. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** How many characters (not UTF-16 units) a text has. */
export function characters(text: string): number {
  return Array.from(text).length
}

// Changing an image by JSON patch: upstream's dialect of it (RFC 6902 with paths of one step, and the older draft 4 for media type v2.0).
// Images API v2, "Update image"; media types openstack-images-v2.1-json-patch and openstack-images-v2.0-json-patch.
import { Fault } from '@alto/kit/errors'
import { ATTRIBUTES, characters, CONTAINER_FORMATS, DISK_FORMATS, mayBeSet, VISIBILITIES, type Image, type Visibility } from './images.ts'
import { invalid, mismatched, refused } from './faults.ts'
import { readLocationChange, refuseInvisible, type LocationChange } from './locations.ts'

const OPERATIONS = ['add', 'remove', 'replace'] as const

/** One operation, its path and value checked. */
export interface Change {
  op: typeof OPERATIONS[number]
  name: string
  value: unknown
  /** Written as in draft 4, where adding what is there is a conflict. */
  draft4: boolean
  /** For `locations` only. */
  locations?: LocationChange
}

/** How a patch is written, and whether its sender may change locations. */
export interface Dialect { draft4: boolean, locations: boolean }

/**
 * The operations in `body`. `draft4` for media type v2.0; `locations` where they are visible.
 * Throws Fault('badRequest') for what is no patch, Fault('forbidden') for attributes that clients may not write.
 */
export function readPatch(body: unknown, dialect: Dialect): Change[] {
  if (!Array.isArray(body)) throw invalid('patch', 'Request body must be a JSON array of operation objects.')
  if (body.length > 1000) throw invalid('patch', `Request body has ${body.length} operations. It may have at most 1000.`)
  return body.map(one => readOperation(one, dialect))
}

function readOperation(raw: unknown, { draft4, locations }: Dialect): Change {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw invalid('patch', 'Operations must be JSON objects.')
  const members = raw as Record<string, unknown>
  const { op, pointer } = draft4 ? readDraft4(members) : readDraft10(members)
  const steps = readPointer(pointer)
  const name = steps[0]!
  mayBeSet(name)
  if (name === 'id') throw refused('attribute.readOnly', "Attribute 'id' is read-only.")
  if (name === 'locations') {
    if (!locations) refuseInvisible(op)
    if (op !== 'remove' && !Object.hasOwn(members, 'value')) throw invalid('patch.value', `Operation "${op}" requires a member named "value".`)
    return { op, name, value: undefined, draft4, locations: readLocationChange(op, steps, members['value']) }
  }
  if (steps.length > 1) throw invalid('patch.path', `Invalid JSON pointer for this resource: '/${steps.join('/')}'`)
  if (op === 'remove') return { op, name, value: undefined, draft4 }
  if (!Object.hasOwn(members, 'value')) throw invalid('patch.value', `Operation "${op}" requires a member named "value".`)
  checkValue(name, members['value'])
  return { op, name, value: members['value'], draft4 }
}

function readDraft10(members: Record<string, unknown>) {
  const accepted = `It must be one of the following: ${OPERATIONS.join(', ')}.`
  if (members['op'] === undefined || members['op'] === null) throw invalid('patch.op', `Unable to find \`op\` in JSON Schema change. ${accepted}`)
  const op = OPERATIONS.find(known => known === members['op'])
  if (!op) throw invalid('patch.op', `Invalid operation: \`${String(members['op']).slice(0, 60)}\`. ${accepted}`)
  if (!Object.hasOwn(members, 'path')) throw invalid('patch', "Unable to find 'path' in JSON Schema change")
  return { op, pointer: members['path'] }
}

function readDraft4(members: Record<string, unknown>) {
  const named = OPERATIONS.filter(op => Object.hasOwn(members, op))
  if (named.length > 1) throw invalid('patch.op', 'Operation objects must contain only one member named "add", "remove", or "replace".')
  if (named.length === 0) throw invalid('patch.op', 'Operation objects must contain exactly one member named "add", "remove", or "replace".')
  return { op: named[0]!, pointer: members[named[0]!] }
}

function readPointer(pointer: unknown): string[] {
  if (typeof pointer !== 'string') throw invalid('patch.path', 'A JSON pointer is a string.')
  const wrong = (why: string) => invalid('patch.path', `Pointer \`${pointer.slice(0, 300)}\` ${why}.`)
  if (!pointer.startsWith('/')) throw wrong('does not start with "/"')
  if (pointer === '/') throw wrong('does not contains valid token')
  if (/\/\s*\//.test(pointer.slice(1))) throw wrong('contains adjacent "/"')
  if (pointer.endsWith('/')) throw wrong('end with "/"')
  if (/~(?![01])/.test(pointer)) throw wrong('contains "~" not part of a recognized escape sequence')
  return pointer.slice(1).split('/').map(step => step.replaceAll('~1', '/').replaceAll('~0', '~').trim())
}

type Rule = { is: string, ok(value: unknown): boolean }
const text = (value: unknown, max = 255) => typeof value === 'string' && characters(value) <= max
const LARGEST = 2_147_483_647
const SHAPES: Readonly<Record<string, Rule>> = {
  id: { is: 'a UUID in lower case', ok: v => typeof v === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(v) },
  name: { is: 'null or a string of at most 255 characters', ok: v => v === null || text(v) },
  owner: { is: 'null or a string of at most 255 characters', ok: v => v === null || text(v) },
  visibility: { is: `one of ${VISIBILITIES.join(', ')}`, ok: v => VISIBILITIES.some(one => one === v) },
  protected: { is: 'a boolean', ok: v => typeof v === 'boolean' },
  os_hidden: { is: 'a boolean', ok: v => typeof v === 'boolean' },
  min_ram: { is: 'an integer', ok: v => Number.isInteger(v) },
  min_disk: { is: 'an integer', ok: v => Number.isInteger(v) },
  disk_format: { is: `null or one of ${DISK_FORMATS.join(', ')}`, ok: v => v === null || DISK_FORMATS.some(one => one === v) },
  container_format: { is: `null or one of ${CONTAINER_FORMATS.join(', ')}`, ok: v => v === null || CONTAINER_FORMATS.some(one => one === v) },
  tags: { is: 'a list of strings of at most 255 characters', ok: v => Array.isArray(v) && v.every(one => text(one)) },
}
/** Throws Fault('badRequest') for a name that no property has, and unless `value` is one that the attribute `name` may have; what a property may have is the schema's (image-schema.ts). */
export function checkValue(name: string, value: unknown): void {
  if (name === 'min_ram' || name === 'min_disk') checkRange(name, value)
  if (!ATTRIBUTES.includes(name) && characters(name) > 255) throw invalid('property.name', 'Custom property should not be greater than 255 characters.')
  if (name === '') throw invalid('property.name', 'The name of a property has 1 to 255 characters.')
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined
  if (shape && !shape.ok(value)) throw mismatched(name, value, `It must be ${shape.is}.`)
}

function checkRange(name: string, value: unknown): void {
  if (!Number.isInteger(value)) return
  if ((value as number) < 0) throw invalid('range', `Invalid value '${value as number}' for parameter '${name}': Cannot be a negative value`)
  if ((value as number) > LARGEST) throw invalid('range', `'${name}' value out of range, must not exceed ${LARGEST}.`)
}

/** An attribute's name on the wire, and the setting that it stands for. */
const SETTERS: Readonly<Record<string, (value: unknown) => Partial<Image>>> = {
  name: v => ({ name: v as string | null }),
  owner: v => ({ owner: v as string | null }),
  visibility: v => ({ visibility: v as Visibility }),
  protected: v => ({ isProtected: v as boolean }),
  os_hidden: v => ({ hidden: v as boolean }),
  min_ram: v => ({ minRam: v as number }),
  min_disk: v => ({ minDisk: v as number }),
  disk_format: v => ({ diskFormat: v as string | null }),
  container_format: v => ({ containerFormat: v as string | null }),
  tags: v => ({ tags: [...new Set(v as string[])].toSorted() }),
}

/** `image` with the attribute or property `name` set; the value has been checked. A property of null is none. */
export function withValue(image: Image, name: string, value: unknown): Image {
  const setter = Object.hasOwn(SETTERS, name) ? SETTERS[name] : undefined
  if (setter) return { ...image, ...setter(value) }
  const { [name]: _was, ...others } = image.properties
  return { ...image, properties: value === null ? others : { ...others, [name]: value as string } }
}

/**
 * The image after `changes`, in their order. `admin` callers may give it another owner.
 * Throws Fault('conflict') for a property that is not there, Fault('forbidden') for what may not change.
 */
export function applyPatch(image: Image, changes: readonly Change[], admin: boolean): Image {
  return changes.reduce((now, change) => applyOne(now, change, admin), image)
}

function applyOne(image: Image, { op, name, value, draft4 }: Change, admin: boolean): Image {
  const attribute = Object.hasOwn(SETTERS, name)
  const there = attribute || Object.hasOwn(image.properties, name)
  if (op === 'remove') {
    if (attribute) throw refused('attribute.required', `Property ${name} may not be removed.`)
    if (!there) throw missing(name)
    const { [name]: _gone, ...properties } = image.properties
    return { ...image, properties }
  }
  if (op === 'replace' && !there) throw missing(name)
  if (op === 'add' && there && draft4) throw new Fault('conflict', 'glance.property.present', `Property ${name} already present.`)
  if (name === 'owner' && !admin) throw refused('owner', "Owner can't be updated by non admin.")
  if ((name === 'disk_format' || name === 'container_format') && image.status !== 'queued') throw refused('format', `Attribute ${name} can be only replaced for a queued image.`)
  return withValue(image, name, value)
}

function missing(name: string): Fault {
  return new Fault('conflict', 'glance.property.missing', `Property ${name} does not exist.`)
}

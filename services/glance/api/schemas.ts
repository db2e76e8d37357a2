// /v2/schemas: what images and members look like, for clients that ask.
import { route, type AnyRoute } from '@alto/kit/http'
import { CONTAINER_FORMATS, DISK_FORMATS, TRANSITIONS, VISIBILITIES } from '../model/images.ts'
import { MEMBER_STATUSES } from '../model/members.ts'
import { USUAL_SCHEMA, type ImageSchema } from '../model/image-schema.ts'
import { UUID_PATTERN } from '../model/properties.ts'
import { DEFAULT } from '../policy/base.ts'

const orNull = ['null', 'string'] as const
const time = (description: string) => ({ type: 'string', readOnly: true, description })
const count = (description: string) => ({ type: 'integer', description })

const IMAGE = {
  id: { type: 'string', description: 'An identifier for the image', pattern: UUID_PATTERN },
  name: { type: orNull, description: 'Descriptive name for the image', maxLength: 255 },
  status: { type: 'string', readOnly: true, description: 'Status of the image', enum: Object.keys(TRANSITIONS) },
  visibility: { type: 'string', description: 'Scope of image accessibility', enum: VISIBILITIES },
  protected: { type: 'boolean', description: 'If true, image will not be deletable.' },
  os_hidden: { type: 'boolean', description: 'If true, image will not appear in default image list response.' },
  checksum: { type: orNull, readOnly: true, description: 'md5 hash of image contents.', maxLength: 32 },
  os_hash_algo: { type: orNull, readOnly: true, description: 'Algorithm to calculate the os_hash_value', maxLength: 64 },
  os_hash_value: { type: orNull, readOnly: true, description: 'Hexdigest of the image contents using the algorithm specified by the os_hash_algo', maxLength: 128 },
  owner: { type: orNull, description: 'Owner of the image', maxLength: 255 },
  size: { type: ['null', 'integer'], readOnly: true, description: 'Size of image file in bytes' },
  virtual_size: { type: ['null', 'integer'], readOnly: true, description: 'Virtual size of image in bytes' },
  container_format: { type: orNull, description: 'Format of the container', enum: [null, ...CONTAINER_FORMATS] },
  disk_format: { type: orNull, description: 'Format of the disk', enum: [null, ...DISK_FORMATS] },
  created_at: time('Date and time of image registration'),
  updated_at: time('Date and time of the last image modification'),
  tags: { type: 'array', description: 'List of strings related to the image', items: { type: 'string', maxLength: 255 } },
  stores: { type: 'string', readOnly: true, description: 'Store in which image data resides.' },
  min_ram: count('Amount of ram (in MB) required to boot image.'),
  min_disk: count('Amount of disk space (in GB) required to boot image.'),
  self: { type: 'string', readOnly: true, description: 'An image self url' },
  file: { type: 'string', readOnly: true, description: 'An image file url' },
  schema: { type: 'string', readOnly: true, description: 'An image schema url' },
  direct_url: { type: 'string', readOnly: true, description: 'Where the bytes are in their store, for those who may know.' },
  locations: { type: 'array', description: 'Where the bytes are, for those who may know.', items: {
    type: 'object', required: ['url', 'metadata'],
    properties: { url: { type: 'string', maxLength: 255 }, metadata: { type: 'object' }, validation_data: {
      type: 'object', writeOnly: true, additionalProperties: false, required: ['os_hash_algo', 'os_hash_value'], description: 'What the bytes are, as far as the sender knows.',
      properties: { checksum: { type: 'string', minLength: 32, maxLength: 32 }, os_hash_algo: { type: 'string', maxLength: 64 }, os_hash_value: { type: 'string', maxLength: 128 } },
    } },
  } },
}

const MEMBER = {
  member_id: { type: 'string', description: 'An identifier for the image member (tenantId)' },
  image_id: { type: 'string', description: 'An identifier for the image', pattern: UUID_PATTERN },
  created_at: time('Date and time of image member creation'),
  updated_at: time('Date and time of last modification of image member'),
  status: { type: 'string', description: 'The status of this image member', enum: MEMBER_STATUSES },
  schema: { type: 'string', readOnly: true },
}

const imageOf = ({ properties, required }: ImageSchema) => ({
  name: 'image', properties: { ...IMAGE, ...Object.fromEntries(Object.entries(properties).map(([name, facts]) => [name, { ...facts, is_base: false }])) }, ...(required.length > 0 && { required }),
  additionalProperties: { type: 'string' }, links: [{ href: '{self}', rel: 'self' }, { href: '{file}', rel: 'enclosure' }, { href: '{schema}', rel: 'describedby' }],
})
const member = { name: 'member', properties: MEMBER }
const page = { first: { type: 'string' }, next: { type: 'string' }, schema: { type: 'string' } }
const pageLinks = [{ href: '{first}', rel: 'first' }, { href: '{next}', rel: 'next' }, { href: '{schema}', rel: 'describedby' }]

const schemasOf = (image: ReturnType<typeof imageOf>) => [
  ['image', 'Show image schema', image],
  ['images', 'Show images schema', { name: 'images', properties: { images: { type: 'array', items: image }, ...page }, links: pageLinks }],
  ['member', 'Show image member schema', member],
  ['members', 'Show image members schema', { name: 'members', properties: { members: { type: 'array', items: member }, schema: { type: 'string' } }, links: [{ href: '{schema}', rel: 'describedby' }] }],
] as const

/** The routes of schemas. `schema`: what is said of custom properties. */
export function schemaRoutes(schema: ImageSchema = USUAL_SCHEMA): AnyRoute[] {
  return schemasOf(imageOf(schema)).map(([name, summary, body]) => route({
    method: 'GET', path: `/v2/schemas/${name}`, rule: DEFAULT, status: 200, summary,
    async handle({ ctx }) {
      ctx.authorize(DEFAULT, {})
      return body
    },
  }))
}

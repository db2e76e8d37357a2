// Custom properties that every cloud knows: what they mean, and what they may hold. Others may hold any text.

/** What an id looks like, as schemas tell it. */
export const UUID_PATTERN = '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'

/** A property, as JSON schema tells it. */
export interface KnownProperty {
  type: 'string' | readonly ['null', 'string']
  title?: string
  description?: string
  pattern?: string
  enum?: readonly (string | null)[]
  /** Of characters. */
  minLength?: number
  maxLength?: number
}

/** By name. A kernel and a ramdisk may be null, which is to have none. */
export const KNOWN_PROPERTIES: Readonly<Record<string, KnownProperty>> = {
  kernel_id: { type: ['null', 'string'], pattern: UUID_PATTERN, description: 'The image that an image in AMI style boots as its kernel.' },
  ramdisk_id: { type: ['null', 'string'], pattern: UUID_PATTERN, description: 'The image that an image in AMI style boots with as its ramdisk.' },
  instance_uuid: { type: 'string', description: 'The server that the image was made of. It is a note: nothing is made of it.' },
  architecture: { type: 'string', description: 'The processor architecture that the operating system is for.' },
  os_distro: { type: 'string', description: 'The common name of the operating system’s distribution, in lower case.' },
  os_version: { type: 'string', description: 'The version of the operating system, as its distributor names it.' },
  description: { type: 'string', description: 'What the image is, for people.' },
  cinder_encryption_key_id: { type: 'string', description: 'The key with which a volume that is made of the image is encrypted.' },
  cinder_encryption_key_deletion_policy: { type: 'string', enum: ['on_image_deletion', 'do_not_delete'], description: 'When the key named by cinder_encryption_key_id is deleted; never, when this is missing.' },
}

/** What is wrong with `value` in the property `name`, of which `properties` may say something; undefined when nothing is. */
export function wrongIn(name: string, value: unknown, properties: Readonly<Record<string, KnownProperty>>): string | undefined {
  const known = Object.hasOwn(properties, name) ? properties[name] : undefined
  if (value === null && Array.isArray(known?.type)) return undefined
  const length = typeof value === 'string' ? Array.from(value).length : 0
  if (typeof value !== 'string' || length > 65_535) return 'It must be a string of at most 65535 characters.'
  if (length < (known?.minLength ?? 0) || length > (known?.maxLength ?? Infinity)) return `It must have ${known?.minLength ?? 0} to ${known?.maxLength ?? 65_535} characters.`
  if (known?.pattern !== undefined && !new RegExp(known.pattern, 'u').test(value)) return `It must match ${known.pattern}.`
  if (known?.enum && !known.enum.includes(value)) return `It must be one of ${known.enum.join(', ')}.`
  return undefined
}

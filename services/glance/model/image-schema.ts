// What an operator says of custom properties: upstream's schema-image.json. What it says of a property is shown by /v2/schemas/image, and held to.
import { invalid, mismatched } from './faults.ts'
import { ATTRIBUTES } from './images.ts'
import { KNOWN_PROPERTIES, wrongIn, type KnownProperty } from './properties.ts'

/** Custom properties by name, those that every cloud knows among them, and those without which no image is made. */
export interface ImageSchema { properties: Readonly<Record<string, KnownProperty>>, required: readonly string[] }

/** Where an operator says nothing. */
export const USUAL_SCHEMA: ImageSchema = { properties: KNOWN_PROPERTIES, required: [] }

const MEMBERS = ['type', 'title', 'description', 'pattern', 'enum', 'minLength', 'maxLength'] as const

/**
 * Reads `{"NAME": {…}, …}` or `{"properties": {"NAME": {…}, …}, "required": ["NAME", …]}`, each property a JSON schema of a text. It may say other things of a property
 * that every cloud knows. Throws an Error that says what to mend.
 */
export function readImageSchema(text: string): ImageSchema {
  const file = objectIn(parsed(text), 'the file')
  const isWhole = Object.hasOwn(file, 'properties')
  const own = objectIn(isWhole ? file['properties'] : file, 'properties')
  const properties = { ...KNOWN_PROPERTIES, ...Object.fromEntries(Object.entries(own).map(([name, schema]) => [name, propertyOf(name, schema)])) }
  const required = isWhole ? file['required'] ?? [] : []
  if (!Array.isArray(required) || !required.every(name => typeof name === 'string' && Object.hasOwn(properties, name))) throw new Error(`"required" is ${JSON.stringify(required)}: it must be a list of names of properties`)
  return { properties, required: required as string[] }
}

/** Throws Fault('badRequest', 'glance.schema') unless a custom property may have the value; attributes may have any here (patch.ts). */
export function checkProperty({ properties }: ImageSchema, name: string, value: unknown): void {
  const wrong = ATTRIBUTES.includes(name) || name === 'locations' ? undefined : wrongIn(name, value, properties)
  if (wrong !== undefined) throw mismatched(name, value, wrong)
}

/** Throws Fault('badRequest', 'glance.schema') unless a new image has all that it needs to. */
export function checkRequired({ required }: ImageSchema, image: Readonly<Record<string, unknown>>): void {
  const missing = required.find(name => !Object.hasOwn(image, name))
  if (missing !== undefined) throw invalid('schema', `Provided object does not match schema 'image': '${missing}' is a required property`)
}

function propertyOf(name: string, value: unknown): KnownProperty {
  const wrong = (why: string) => new Error(`property ${JSON.stringify(name)} ${why}`)
  if (ATTRIBUTES.includes(name)) throw wrong('is no custom property: every image has it')
  const schema = objectIn(value, `property ${JSON.stringify(name)}`)
  const { is_base: _ours, ...said } = schema
  const other = Object.keys(said).find(member => !MEMBERS.some(known => known === member))
  if (other !== undefined) throw wrong(`has ${JSON.stringify(other)}: it may have ${MEMBERS.join(', ')}`)
  const { type, pattern, enum: values } = said
  if (type !== 'string' && JSON.stringify(type) !== '["null","string"]') throw wrong(`has type ${JSON.stringify(type) ?? 'none'}: it must be "string" or ["null", "string"], as all values are texts`)
  if (values !== undefined && !(Array.isArray(values) && values.every(one => typeof one === 'string' || one === null))) throw wrong('has an "enum" that is no list of texts')
  for (const member of ['title', 'description', 'pattern'] as const) if (said[member] !== undefined && typeof said[member] !== 'string') throw wrong(`has a ${JSON.stringify(member)} that is no text`)
  for (const member of ['minLength', 'maxLength'] as const) if (said[member] !== undefined && !Number.isInteger(said[member])) throw wrong(`has a ${JSON.stringify(member)} that is no integer`)
  try {
    if (typeof pattern === 'string') new RegExp(pattern, 'u')
  } catch (cause) {
    throw new Error(`property ${JSON.stringify(name)} has a "pattern" that is no regular expression: ${pattern as string}`, { cause })
  }
  return said as unknown as KnownProperty                                     // looked at member by member above
}

function objectIn(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} must be a JSON object`)
  return value as Readonly<Record<string, unknown>>
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`it is no JSON: ${(cause as Error).message}`, { cause })
  }
}

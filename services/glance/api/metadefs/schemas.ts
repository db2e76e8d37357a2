// /v2/schemas/metadefs: what metadata definitions look like, for clients that ask.
import { route, type AnyRoute } from '@alto/kit/http'
import { DEFAULT } from '../../policy/base.ts'

const text = { type: 'string' }
const named = { type: 'string', maxLength: 80 }
const readOnly = { type: 'string', readOnly: true }
const time = (description: string) => ({ type: 'string', readOnly: true, description, format: 'date-time' })
const ofType = { type: 'string', enum: ['array', 'boolean', 'integer', 'number', 'object', 'string', null] }
const ref = (name: string) => ({ $ref: `#/definitions/${name}` })

const PROPERTY = {
  name: named, title: text, description: text, operators: { type: 'array', items: text }, type: ofType, required: ref('stringArray'), minimum: { type: 'number' }, maximum: { type: 'number' },
  maxLength: ref('positiveInteger'), minLength: ref('positiveIntegerDefault0'), pattern: { type: 'string', format: 'regex' }, enum: { type: 'array' }, readonly: { type: 'boolean' }, default: {},
  items: { type: 'object', properties: { type: ofType, enum: { type: 'array' } } }, maxItems: ref('positiveInteger'), minItems: ref('positiveIntegerDefault0'), uniqueItems: { type: 'boolean', default: false },
  additionalItems: { type: 'boolean' },
}
const NUMBERS = {
  positiveInteger: { type: 'integer', minimum: 0 }, positiveIntegerDefault0: { allOf: [ref('positiveInteger'), { default: 0 }] }, stringArray: { type: 'array', items: text, uniqueItems: true },
}
const DEFINITIONS = { ...NUMBERS, property: { type: 'object', additionalProperties: { type: 'object', required: ['title', 'type'], properties: PROPERTY } } }

const namespace = {
  name: 'namespace', required: ['namespace'], additionalProperties: false,
  properties: {
    namespace: { ...named, description: 'The name of the namespace, which no other has.' }, display_name: { ...named, description: 'The name that people are shown.' },
    description: { type: 'string', description: 'What the namespace is about.', maxLength: 500 }, visibility: { type: 'string', description: 'Who sees the namespace.', enum: ['public', 'private'] },
    protected: { type: 'boolean', description: 'Whether the namespace is kept from being removed.' }, owner: { type: 'string', description: 'The project that owns the namespace.', maxLength: 255 },
    created_at: time('When the namespace was made'), updated_at: time('When the namespace was last changed'), schema: readOnly, self: readOnly,
    resource_type_associations: { type: 'array', items: { type: 'object', properties: { name: text, prefix: text, properties_target: text } } }, properties: ref('property'),
    objects: { type: 'array', items: { type: 'object', properties: { name: text, description: text, required: ref('stringArray'), properties: ref('property') } } },
    tags: { type: 'array', items: { type: 'object', properties: { name: text } } },
  },
}
const association = {
  name: 'resource_type_association', required: ['name'], additionalProperties: false,
  properties: {
    name: { ...named, description: 'The resource type, by Heat\'s name for it where it has one.' }, prefix: { ...named, description: 'What the names of the namespace\'s properties begin with on this resource type, its separator included.' },
    properties_target: { ...named, description: 'Which of its sets of properties is meant, where the resource type has several, as volumes have metadata and image metadata.' },
    created_at: time('When the association was made'), updated_at: time('When the association was last changed'),
  },
}
const object = {
  name: 'object', required: ['name'], additionalProperties: false,
  properties: {
    name: named, description: text, required: ref('stringArray'), properties: ref('property'), schema: readOnly, self: readOnly, created_at: time('When the object was made'), updated_at: time('When the object was last changed'),
  },
}
const property = { name: 'property', required: ['name', 'title', 'type'], additionalProperties: false, properties: PROPERTY }
const tag = { name: 'tag', required: ['name'], additionalProperties: false, properties: { name: named, created_at: time('When the tag was made'), updated_at: time('When the tag was last changed') } }

const page = { first: text, next: text, schema: text }
const pageLinks = [{ rel: 'first', href: '{first}' }, { rel: 'next', href: '{next}' }, { rel: 'describedby', href: '{schema}' }]
const collection = (name: string, items: unknown) => ({ name, properties: { [name]: items, ...page }, links: pageLinks })

const SCHEMAS = [
  ['namespace', 'Show metadata definition namespace schema', { ...namespace, definitions: DEFINITIONS }],
  ['namespaces', 'Show metadata definition namespaces schema', { ...collection('namespaces', { type: 'array', items: namespace }), definitions: DEFINITIONS }],
  ['resource_type', 'Show metadata definition namespace resource type association schema', association],
  ['resource_types', 'Show metadata definition namespace resource type associations schema', collection('resource_type_associations', { type: 'array', items: association })],
  ['object', 'Show metadata definition object schema', { ...object, definitions: DEFINITIONS }],
  ['objects', 'Show metadata definition objects schema', { ...collection('objects', { type: 'array', items: object }), definitions: DEFINITIONS }],
  ['property', 'Show metadata definition property schema', { ...property, definitions: NUMBERS }],
  ['properties', 'Show metadata definition properties schema', { ...collection('properties', { type: 'object', additionalProperties: property }), definitions: NUMBERS }],
  ['tag', 'Show metadata definition tag schema', tag],
  ['tags', 'Show metadata definition tags schema', collection('tags', { type: 'array', items: tag })],
] as const

export const metadefSchemaRoutes: readonly AnyRoute[] = SCHEMAS.map(([name, summary, schema]) => route({
  method: 'GET', path: `/v2/schemas/metadefs/${name}`, rule: DEFAULT, status: 200, summary,
  async handle({ ctx }) {
    ctx.authorize(DEFAULT, {})
    return schema
  },
}))

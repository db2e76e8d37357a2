// The schema language of bodies, queries and paths: TypeBox in whole words, closed by default, every list and map bounded.
import Type, { type TObject, type TProperties, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

export type { Static } from 'typebox'
export type Schema = TSchema

const TRUE = ['true', 'True', 'TRUE', 'on', 'On', 'ON', 'yes', 'Yes', 'YES', '1', 't', 'T', 'y', 'Y'] as const
const FALSE = ['false', 'False', 'FALSE', 'off', 'Off', 'OFF', 'no', 'No', 'NO', '0', 'f', 'F', 'n', 'N'] as const

/** Builders of schemas. Lengths are in UTF-16 units, as JSON Schema counts. */
export const t = {
  /** An object with these members and no others. */
  object: <P extends TProperties>(members: P): TObject<P> => Type.Object(members, { additionalProperties: false }),
  /** An object with these members; others are let through and ignored. */
  open: <P extends TProperties>(members: P): TObject<P> => Type.Object(members, { additionalProperties: true }),
  /** A member that may be absent. */
  optional: <S extends TSchema>(schema: S) => Type.Optional(schema),
  /** The schema's values, or null. */
  nullable: <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]),
  string: (opts: { min?: number, max?: number, pattern?: string } = {}) => Type.String({ minLength: opts.min ?? 0, maxLength: opts.max ?? 255, ...(opts.pattern !== undefined && { pattern: opts.pattern }) }),
  /** A UUID, with or without dashes, in any case. */
  uuid: () => Type.String({ pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$', format: 'uuid' }),
  /** An identifier in a path: anything without a slash. */
  id: () => Type.String({ minLength: 1, maxLength: 255 }),
  integer: (opts: { min?: number, max?: number } = {}) => Type.Integer({ minimum: opts.min ?? Number.MIN_SAFE_INTEGER, maximum: opts.max ?? Number.MAX_SAFE_INTEGER }),
  number: (opts: { min?: number, max?: number } = {}) => Type.Number({ minimum: opts.min ?? -Number.MAX_VALUE, maximum: opts.max ?? Number.MAX_VALUE }),
  /** An integer, or its decimal digits as a string, as old clients send it; read with `asInteger`. */
  integerLike: () => Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]{1,15}$' })]),
  boolean: () => Type.Boolean(),
  /** A boolean, or one of the words that upstream takes for one; read with `asBoolean`. */
  booleanLike: () => Type.Union([Type.Boolean(), ...[...TRUE, ...FALSE].map(word => Type.Literal(word))]),
  literal: <const V extends string | number | boolean>(value: V) => Type.Literal(value),
  oneOf: <const V extends readonly string[]>(...values: V) => Type.Unsafe<V[number]>({ type: 'string', enum: [...values] }),
  union: <S extends TSchema[]>(...schemas: [...S]) => Type.Union(schemas),
  null: () => Type.Null(),
  array: <S extends TSchema>(item: S, opts: { max: number, min?: number }) => Type.Array(item, { maxItems: opts.max, ...(opts.min !== undefined && { minItems: opts.min }) }),
  /** A map from strings of at most `keyMax`, or of the `keyPattern`, to the schema's values. */
  map: <S extends TSchema>(value: S, opts: { max: number, keyMax?: number, keyPattern?: string }) => Type.Record(Type.String({ pattern: opts.keyPattern ?? `^[\\s\\S]{0,${opts.keyMax ?? 255}}$` }), value, { maxProperties: opts.max, additionalProperties: false }),
  /** Any JSON value; the manager looks at it. */
  anything: () => Type.Unknown(),
  /** The boolean that a `booleanLike` means. */
  asBoolean: (value: boolean | string): boolean => typeof value === 'boolean' ? value : (TRUE as readonly string[]).includes(value),
  /** The number that an `integerLike` means. */
  asInteger: (value: number | string): number => Number(value),
}

/** What is wrong with a value: where (JSON pointer), which keyword of the schema, and a sentence. */
export interface SchemaError {
  pointer: string
  keyword: string
  message: string
  params: Readonly<Record<string, unknown>>
}

const compiled = new WeakMap<TSchema, ReturnType<typeof Compile>>()

/** The first thing wrong with `value`, or undefined. Schemas are compiled at their first use. */
export function check(schema: TSchema, value: unknown): SchemaError | undefined {
  let validator = compiled.get(schema)
  if (!validator) compiled.set(schema, validator = Compile(schema))
  if (validator.Check(value)) return undefined
  const errors = validator.Errors(value)
  const first = errors.find(e => e.keyword === 'required' || e.keyword === 'additionalProperties') ?? errors.find(e => e.keyword !== 'anyOf') ?? errors[0]
  if (!first) return { pointer: '', keyword: 'unknown', message: 'is not valid', params: {} }
  return { pointer: first.instancePath, keyword: first.keyword, message: first.message, params: first.params as Readonly<Record<string, unknown>> }
}

/** Query parameters: each a string, or a list where it was given more than once; shaped by what the schema expects of it. */
export function queryObject(search: string, schema: TSchema | undefined): Record<string, unknown> {
  const properties = (schema && 'properties' in schema ? schema.properties : {}) as Record<string, { type?: string } | undefined>
  const out: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [key, value] of new URLSearchParams(search)) {
    const type = properties[key]?.type
    if (type === 'array') (out[key] ??= []) as unknown[]
    if (type === 'array') (out[key] as unknown[]).push(value)
    else if (type === 'integer' && /^-?\d{1,15}$/.test(value)) out[key] = Number(value)
    else if (type === undefined && out[key] !== undefined) out[key] = [out[key], value].flat()
    else out[key] = value
  }
  return { ...out }
}

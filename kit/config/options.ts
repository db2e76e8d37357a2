// Options as data: name, type, default, meaning, and upstream's name where it has one. A service lists its own in options.ts.

/** What every option says of itself. */
interface Described<D> {
  /** In snake case, as the file writes it. Units belong in the name: `poll_seconds`. */
  readonly name: string
  /** The value when nobody says otherwise; null: none. */
  readonly default: D | null
  readonly meaning: string
  /** Upstream's section and name: `[DEFAULT] cpu_allocation_ratio`. */
  readonly upstream?: string
  /** Never shown. */
  readonly secret?: boolean
}

/** One declared option. Numbers may have bounds, both of them allowed values; a choice names its values; URLs are of http or https. */
export type Option =
  | Described<string> & { readonly type: 'string' | 'url' }
  | Described<boolean> & { readonly type: 'boolean' }
  | Described<number> & { readonly type: 'integer' | 'number', readonly min?: number, readonly max?: number }
  | Described<readonly string[]> & { readonly type: 'strings' | 'urls' }
  | Described<string> & { readonly type: 'choice', readonly choices: readonly string[] }

/** A section of the configuration file: one service's options. */
export interface Section {
  readonly name: string
  readonly options: readonly Option[]
}

/** The values of a section as its service gets them, under camelCase names. */
export type Values<S extends Section> = { readonly [O in S['options'][number] as Camel<O['name']>]: ValueOf<O> | (null extends O['default'] ? null : never) }

/** The values of several sections, under their names. */
export type Config<S extends readonly Section[]> = { readonly [One in S[number] as One['name']]: Values<One> }

type Camel<N extends string> = N extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : N
type ValueOf<O extends Option> =
  O extends { readonly type: 'choice', readonly choices: infer C extends readonly string[] } ? C[number]
    : O['type'] extends 'string' | 'url' ? string
      : O['type'] extends 'boolean' ? boolean
        : O['type'] extends 'strings' | 'urls' ? readonly string[]
          : number

/** Declares an option. */
export function option<const O extends Option>(declared: O): O {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(declared.name)) throw new Error(`option ${declared.name}: names are in snake case`)
  return declared
}

/** Declares a section: the options of one service. */
export function section<const N extends string, const O extends readonly Option[]>(name: N, options: O): { readonly name: N, readonly options: O } {
  const twice = options.find((one, i) => options.findIndex(other => other.name === one.name) !== i)
  if (twice) throw new Error(`section ${name} declares ${twice.name} twice`)
  return { name, options }
}

/** True for the URL of a listener, as options of type `url` are. */
export function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '')
}

/** `cpu_allocation_ratio` as `cpuAllocationRatio`. */
export function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

/** The environment variable that overrides an option: `ALTO_NOVA_CPU_ALLOCATION_RATIO`. */
export function environmentName(sectionName: string, optionName: string): string {
  return `ALTO_${sectionName}_${optionName}`.toUpperCase().replaceAll('-', '_')
}

// A contract: the interface that the compiler checks, and the table that travels, is frozen in a golden file, and is all that a server answers to.

/** `major.minor`. The minor grows when methods or fields are added; a new major is a new contract. */
export type ContractVersion = `${number}.${number}`

/** What each method of a contract looks like: one object in, a promise out. */
export type Methods<Interface> = { [Name in keyof Interface]: (request: never) => Promise<unknown> }

/** How a method travels. */
export interface Method<Kind extends 'call' | 'cast' = 'call' | 'cast'> {
  /** A call waits for its answer; a cast is handed over and forgotten: it may be lost, repeated or overtaken. */
  readonly kind: Kind
  /** The contract's version that brought the method. */
  readonly since: ContractVersion
  /** How long a call waits for its answer, in milliseconds; the client's default when not given. */
  readonly deadlineMs?: number
}

/** A line for each method; only methods that return nothing can be cast. */
export type MethodTable<Interface> = {
  readonly [Name in keyof Interface]: Interface[Name] extends (request: never) => Promise<void> ? Method : Method<'call'>
}

/** A named, versioned set of methods; `client` and `Transport.serve` are made from it. */
export interface Contract<Interface> {
  readonly name: string
  readonly version: ContractVersion
  readonly methods: MethodTable<Interface>
}

/**
 * Declares a contract. `name` is in kebab-case, as its golden file is called; `table` names every method of the interface.
 * Throws a TypeError for a method that is newer than the contract or of another major.
 */
export function contract<Interface extends Methods<Interface>>(name: string, version: ContractVersion, table: MethodTable<Interface>): Contract<Interface> {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new TypeError(`contract name '${name}' is not in kebab-case`)
  for (const [method, { since }] of methodsOf({ name, version, methods: table })) {
    if (!understands(version, since)) throw new TypeError(`${name} ${version}: method '${method}' is since ${since}, which this version cannot have`)
  }
  return { name, version, methods: table }
}

/** The methods of `contract` by name. */
export function methodsOf<Interface>(contract: Contract<Interface>): [string, Method][] {
  return Object.entries<Method>(contract.methods)
}

/** True when a peer that speaks `spoken` knows what came with `since`. */
export function understands(spoken: ContractVersion, since: ContractVersion): boolean {
  const [[major, minor], [sinceMajor, sinceMinor]] = [parts(spoken), parts(since)]
  return major === sinceMajor && minor >= sinceMinor
}

/** True for `major.minor`. */
export function isVersion(text: string): text is ContractVersion {
  return VERSION.test(text)
}

const VERSION = /^(\d+)\.(\d+)$/

function parts(version: ContractVersion): [number, number] {
  const match = VERSION.exec(version)
  if (!match) throw new TypeError(`contract version '${version}' is not major.minor`)
  return [Number(match[1]), Number(match[2])]
}

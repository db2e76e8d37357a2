// Which stores a cloud has, as its configuration says: `ID:KIND`, `ID:KIND:TARGET`, either with `?NAME=VALUE&…` after it.
import { Fault } from '@alto/kit/errors'

/** What a store can be. */
export const STORE_KINDS = ['file', 'http', 's3', 'swift', 'rbd'] as const
export type StoreKind = typeof STORE_KINDS[number]

/** One store, as configured. What `target` means depends on the kind: a directory, the URL of a bucket or of a login, a pool. */
export interface StoreSpec {
  id: string
  kind: StoreKind
  target: string | undefined
  settings: Readonly<Record<string, string>>
  /** The password or secret key. */
  secret: string | undefined
  /** Shown to clients; upstream's `store_description` and `weight`. */
  description: string | undefined
  weight: number
}

/** The options that name stores. */
export interface StoreOptions {
  stores: readonly string[]
  defaultStore: string | null
  storeSecrets: readonly string[]
}

/** Settings by kind: those that it must have, and those that it may. */
const SETTINGS: Readonly<Record<StoreKind, { needs: readonly string[], may: readonly string[], target: 'may' | 'must' | 'none', secret: boolean }>> = {
  file: { needs: [], may: [], target: 'may', secret: false },
  http: { needs: [], may: [], target: 'none', secret: false },
  s3: { needs: ['access_key'], may: ['region', 'part_size', 'prefix'], target: 'must', secret: true },
  swift: { needs: ['user', 'container'], may: ['project', 'user_domain', 'project_domain', 'region', 'interface', 'segment_size', 'large_objects'], target: 'must', secret: true },
  rbd: { needs: [], may: ['conf', 'user', 'object_size'], target: 'must', secret: false },
}
const EVERYBODYS = ['description', 'weight']

/** The stores of a cloud, the default one first. Throws Fault('badRequest', 'glance.stores.configured') with what to mend. */
export function readStores({ stores, defaultStore, storeSecrets }: StoreOptions): readonly [StoreSpec, ...StoreSpec[]] {
  const secrets = new Map(storeSecrets.map((one, i) => {
    const [, id, secret] = /^([^:]+):(.+)$/s.exec(one) ?? []
    if (id === undefined || secret === undefined) throw wrong(`store_secrets: entry ${i + 1} is not ID:SECRET`)
    return [id, secret] as const
  }))
  const specs = stores.map(one => readStore(one, secrets))
  const twice = specs.find((one, i) => specs.findIndex(other => other.id === one.id) !== i)
  if (twice) throw wrong(`stores: two are called ${twice.id}`)
  for (const id of secrets.keys()) if (!specs.some(one => one.id === id)) throw wrong(`store_secrets: there is no store ${id}`)
  const main = defaultStore === null ? specs.find(isWritable) : specs.find(one => one.id === defaultStore)
  if (!main) throw wrong(defaultStore === null ? 'stores: none of them takes bytes' : `default_store: there is no store ${defaultStore}`)
  if (!isWritable(main)) throw wrong(`default_store: ${main.id} takes no bytes`)
  return [main, ...specs.filter(one => one !== main)]
}

function isWritable({ kind }: StoreSpec): boolean {
  return kind !== 'http'
}

function readStore(text: string, secrets: ReadonlyMap<string, string>): StoreSpec {
  const at = text.indexOf('?')
  const [head, query] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  const [, id, written, target] = /^([a-z0-9][a-z0-9_-]{0,63}):([a-z0-9]+)(?::(.+))?$/i.exec(head) ?? []
  if (id === undefined) throw wrong(`stores: ${head} is not ID:KIND or ID:KIND:TARGET`)
  if (id.startsWith('os_glance_')) throw wrong(`stores: the name ${id} is reserved`)
  const kind = STORE_KINDS.find(one => one === written)
  if (!kind) throw wrong(`stores: ${id} is of kind ${written}. It may be ${STORE_KINDS.join(', ')}`)
  const { description, weight = '0', ...settings } = Object.fromEntries(new URLSearchParams(query)) as Record<string, string>
  const { needs, may, target: wanted, secret } = SETTINGS[kind]
  for (const name of Object.keys(settings)) if (![...needs, ...may].includes(name)) throw wrong(`stores: ${id} has a setting ${name}. A store of kind ${kind} may have ${[...needs, ...may, ...EVERYBODYS].join(', ')}`)
  for (const name of needs) if (!settings[name]) throw wrong(`stores: ${id} needs the setting ${name}`)
  if (wanted === 'must' && target === undefined) throw wrong(`stores: ${id} does not say where it is: ${id}:${kind}:TARGET`)
  if (wanted === 'none' && target !== undefined) throw wrong(`stores: ${id} has no place of its own: ${id}:${kind}`)
  if (secret !== secrets.has(id)) throw wrong(secret ? `store_secrets: there is none for the store ${id}, which needs one: ${id}:SECRET` : `store_secrets: the store ${id} of kind ${kind} takes none`)
  if (!/^-?\d{1,9}$/.test(weight)) throw wrong(`stores: ${id} has the weight ${weight}, which is no integer`)
  return { id, kind, target, settings, secret: secrets.get(id), description, weight: Number(weight) }
}

/** The setting `name` as a number of bytes; `otherwise` when it is not set. Throws Fault('badRequest', 'glance.stores.configured'). */
export function bytesOf(spec: StoreSpec, name: string, otherwise: number, { atLeast, atMost }: { atLeast: number, atMost: number }): number {
  const text = spec.settings[name]
  const bytes = text === undefined ? otherwise : Number(text)
  if (!Number.isSafeInteger(bytes) || bytes < atLeast || bytes > atMost) throw wrong(`stores: ${spec.id} has the ${name} ${text}. It may be ${atLeast} to ${atMost} bytes`)
  return bytes
}

function wrong(message: string): Fault {
  return new Fault('badRequest', 'glance.stores.configured', `[glance] ${message}.`)
}

// Host aggregates.
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { conflict, invalid, notFound } from '../model/faults.ts'
import type { Aggregate } from '../model/hosts.ts'
import * as rules from '../policy/aggregates.ts'
import * as aggregates from '../store/aggregates.ts'
import * as hosts from '../store/hosts.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** The use cases of aggregates. */
export function aggregateManager({ db, clock, ids }: Pick<Deps, 'db' | 'clock' | 'ids'>) {
  async function get(tx: Tx, id: string): Promise<Aggregate> {
    const found = (await aggregates.list(tx)).find(one => String(one.id) === id)
    if (!found) throw notFound('aggregate', `Aggregate ${id} could not be found.`)
    return found
  }
  const named = async <T>(name: string | undefined, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (isUniqueViolation(error)) throw conflict('aggregate.exists', `Aggregate ${name} already exists.`)
      throw error
    }
  }

  return {
    async list(ctx: Context): Promise<Aggregate[]> {
      ctx.authorize(rules.INDEX, {})
      return db.read(aggregates.list)
    },

    async show(ctx: Context, id: string): Promise<Aggregate> {
      ctx.authorize(rules.SHOW, {})
      return db.read(tx => get(tx, id))
    },

    async create(ctx: Context, input: { name: string, zone: string | undefined }): Promise<Aggregate> {
      ctx.authorize(rules.CREATE, {})
      const metadata = input.zone === undefined ? {} : { availability_zone: input.zone }
      return named(input.name, () => db.write(async tx => get(tx, String(await aggregates.insert(tx, { uuid: ids.uuid(), name: input.name, metadata, createdAt: clock.now() })))))
    },

    async update(ctx: Context, id: string, input: { name: string | undefined, zone: string | null | undefined }): Promise<Aggregate> {
      ctx.authorize(rules.UPDATE, {})
      return named(input.name, () => db.write(async tx => {
        const found = await get(tx, id)
        const { availability_zone: was, ...rest } = found.metadata
        const zone = input.zone === undefined ? was : input.zone ?? undefined
        await aggregates.set(tx, found.id, { updatedAt: clock.now(), metadata: zone === undefined ? rest : { ...rest, availability_zone: zone }, ...(input.name !== undefined && { name: input.name }) })
        return get(tx, id)
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE, {})
      try {
        await db.write(async tx => aggregates.remove(tx, (await get(tx, id)).id))
      } catch (error) {
        if (isForeignKeyViolation(error)) throw invalid('aggregate.inUse', `Cannot remove aggregate ${id}: it still has hosts.`)
        throw error
      }
    },

    /** Null values remove keys. */
    async setMetadata(ctx: Context, id: string, changes: Readonly<Record<string, string | null>>): Promise<Aggregate> {
      ctx.authorize(rules.SET_METADATA, {})
      return db.write(async tx => {
        const found = await get(tx, id)
        const metadata = Object.fromEntries(Object.entries({ ...found.metadata, ...changes }).filter((entry): entry is [string, string] => entry[1] !== null))
        await aggregates.set(tx, found.id, { metadata, updatedAt: clock.now() })
        return get(tx, id)
      })
    },

    async changeHost(ctx: Context, id: string, host: string, how: 'add' | 'remove'): Promise<Aggregate> {
      ctx.authorize(how === 'add' ? rules.ADD_HOST : rules.REMOVE_HOST, {})
      return db.write(async tx => {
        const [found, all] = [await get(tx, id), await aggregates.list(tx)]
        if (how === 'remove') {
          if (!await aggregates.removeHost(tx, found.id, host)) throw notFound('aggregateHost', `Host ${host} could not be found in aggregate ${id}.`)
          return get(tx, id)
        }
        if (!await hosts.find(tx, host)) throw notFound('host', `Compute host ${host} could not be found.`)
        if (found.hosts.includes(host)) throw conflict('aggregate.hasHost', `Aggregate ${id} already has host ${host}.`)
        const zone = found.metadata['availability_zone']
        const other = all.find(one => one.hosts.includes(host) && one.metadata['availability_zone'] !== undefined && one.metadata['availability_zone'] !== zone)
        if (zone !== undefined && other) throw conflict('aggregate.zone', `Cannot add host ${host} to aggregate ${id}: it is in availability zone ${other.metadata['availability_zone']} already.`)
        await aggregates.addHost(tx, found.id, host)
        return get(tx, id)
      })
    },
  }
}

export type AggregateManager = ReturnType<typeof aggregateManager>

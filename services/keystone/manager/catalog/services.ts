// The services of the catalog.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import type { Service } from '../../model/catalog/catalog.ts'
import { conflict, notFound } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import * as rules from '../../policy/catalog/services.ts'
import * as limits from '../../store/limits.ts'
import * as services from '../../store/catalog/services.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of a service. */
export interface ServiceInput {
  type?: string | undefined
  name?: string | undefined
  description?: string | null | undefined
  enabled?: boolean | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

export type ServiceManager = ReturnType<typeof serviceManager>

/** The use cases of services. */
export function serviceManager({ db, ids, options, changed }: Deps) {
  return {
    async show(ctx: Context, id: string): Promise<Service> {
      ctx.authorize(rules.GET_SERVICE, {})
      const service = await db.read(tx => services.find(tx, id))
      if (!service) throw notFound('service', id)
      return service
    },

    async list(ctx: Context, listing: Listing<services.ServiceField>): Promise<Listed<Service>> {
      ctx.authorize(rules.LIST_SERVICES, {})
      return db.read(tx => services.listPage(tx, bounded(listing, options)))
    },

    async create(ctx: Context, input: ServiceInput & { type: string }): Promise<Service> {
      ctx.authorize(rules.CREATE_SERVICE, {})
      const service: Service = { id: ids.hex(), type: input.type, name: input.name ?? '', description: input.description ?? null, enabled: input.enabled ?? true, extra: input.extra ?? {} }
      await db.write(async tx => {
        await changed(tx)
        await services.insert(tx, service)
      })
      return service
    },

    async update(ctx: Context, id: string, input: ServiceInput): Promise<Service> {
      ctx.authorize(rules.UPDATE_SERVICE, {})
      return db.write(async tx => {
        await changed(tx)
        const service = await services.find(tx, id)
        if (!service) throw notFound('service', id)
        const next = {
          ...service, type: input.type ?? service.type, name: input.name ?? service.name, description: input.description === undefined ? service.description : input.description,
          enabled: input.enabled ?? service.enabled, extra: { ...service.extra, ...input.extra },
        }
        await services.update(tx, next)
        return next
      })
    },

    /** Removes the service with its endpoints, registered limits and their limits. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_SERVICE, {})
      await orFault({ reference: cause => conflict('service', 'a limit of its resources was made meanwhile', cause) }, () => db.write(async tx => {
        await changed(tx)
        if (!await services.find(tx, id)) throw notFound('service', id)
        await limits.removeOf(tx, { serviceId: id })
        await services.remove(tx, id)
      }))
    },
  }
}

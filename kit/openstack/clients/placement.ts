// Placement, as a service that places things on hosts uses it: providers with inventories, candidates, claims.
import { isFault } from '../../errors/index.ts'
import type { RestClient } from '../rest.ts'

/** What a provider has of one resource class. */
export interface Inventory {
  readonly total: number
  readonly reserved?: number
  readonly min_unit?: number
  readonly max_unit?: number
  readonly step_size?: number
  readonly allocation_ratio?: number
}

/** A way to place a request: what to take of each provider. */
export type Allocations = Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>

/** Who claims. */
export interface Consumer { readonly id: string, readonly projectId: string, readonly userId: string }

/** What a host offers and what is taken of it, by resource class. */
export interface ProviderUse { readonly inventories: Readonly<Record<string, Inventory>>, readonly usages: Readonly<Record<string, number>> }

export interface PlacementClient {
  /** Makes sure that the provider exists and has these inventories. Repeatable. Throws Fault conflict when somebody changes it at the same time. */
  provide(provider: { id: string, name: string }, inventories: Readonly<Record<string, Inventory>>): Promise<void>
  /** Ways to place the resources, at most 1000. */
  candidates(request: { resources: Readonly<Record<string, number>>, required: readonly string[], forbidden: readonly string[] }): Promise<Allocations[]>
  /** Takes the resources for the consumer, unless it has an allocation already, which is then kept. False when another claim was faster and they no longer fit. */
  claim(consumer: Consumer, allocations: Allocations): Promise<boolean>
  /** What the consumer has; empty when nothing. */
  allocationsOf(consumerId: string): Promise<Allocations>
  /** Gives back all that the consumer has. Repeatable. */
  release(consumerId: string): Promise<void>
  /** Inventories and usages of a provider; undefined when there is none. */
  use(providerId: string): Promise<ProviderUse | undefined>
  remove(providerId: string): Promise<void>
}

const HEADERS = { 'openstack-api-version': 'placement 1.28' }

/** A client of Placement that acts as our own service user. */
export function placementClient(rest: RestClient): PlacementClient {
  const call = async (method: string, path: string, body?: unknown) => (await rest.call({ as: 'service', method, path, headers: HEADERS, ...(body !== undefined && { body }) })).body
  const missing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work
    } catch (error) {
      if (isFault(error) && error.kind === 'notFound') return undefined
      throw error
    }
  }

  async function allocationsOf(consumerId: string): Promise<Allocations> {
    return (await call('GET', `/allocations/${consumerId}`) as { allocations: Allocations }).allocations
  }

  return {
    allocationsOf,
    async provide({ id, name }, inventories) {
      if (await missing(call('GET', `/resource_providers/${id}`)) === undefined) await call('POST', '/resource_providers', { uuid: id, name })
      const now = await call('GET', `/resource_providers/${id}/inventories`) as { resource_provider_generation: number, inventories: Record<string, Inventory> }
      const same = Object.keys(inventories).length === Object.keys(now.inventories).length
        && Object.entries(inventories).every(([name, wanted]) => Object.entries(wanted).every(([key, value]) => now.inventories[name]?.[key as keyof Inventory] === value))
      if (!same) await call('PUT', `/resource_providers/${id}/inventories`, { resource_provider_generation: now.resource_provider_generation, inventories })
    },
    async candidates({ resources, required, forbidden }) {
      const query = new URLSearchParams({ resources: Object.entries(resources).map(([name, amount]) => `${name}:${amount}`).join(','), limit: '1000' })
      const traits = [...required, ...forbidden.map(trait => `!${trait}`)]
      if (traits.length) query.set('required', traits.join(','))
      const { allocation_requests: requests } = await call('GET', `/allocation_candidates?${query}`) as { allocation_requests: { allocations: Allocations }[] }
      return requests.map(request => request.allocations)
    },
    async claim(consumer, allocations) {
      const had = await allocationsOf(consumer.id)
      if (Object.keys(had).length > 0) return Object.keys(had).every(id => id in allocations)
      try {
        await call('PUT', `/allocations/${consumer.id}`, { allocations, consumer_generation: null, project_id: consumer.projectId, user_id: consumer.userId })
        return true
      } catch (error) {
        if (isFault(error) && error.kind === 'conflict') return false
        throw error
      }
    },
    async release(consumerId) { await missing(call('DELETE', `/allocations/${consumerId}`)) },
    async use(providerId) {
      const inventories = await missing(call('GET', `/resource_providers/${providerId}/inventories`)) as ProviderUse | undefined
      const usages = inventories && await missing(call('GET', `/resource_providers/${providerId}/usages`)) as ProviderUse | undefined
      return inventories && usages && { inventories: inventories.inventories, usages: usages.usages }
    },
    async remove(providerId) { await missing(call('DELETE', `/resource_providers/${providerId}`)) },
  }
}

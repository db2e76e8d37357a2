// Unified limits: registered ones, and those of projects and domains, held against the configured enforcement model.
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { conflict, expected, limitNotFound, refused } from '../model/faults.ts'
import { bounded, type Listed, type Listing } from '../model/filters.ts'
import { allowsMore, MODEL_DESCRIPTIONS, type EnforcementModel, type NamedLimit, type RegisteredLimit } from '../model/limits.ts'
import * as rules from '../policy/limits.ts'
import * as limits from '../store/limits.ts'
import * as projects from '../store/projects/projects.ts'
import * as regions from '../store/catalog/regions.ts'
import * as services from '../store/catalog/services.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** What a client says of a new registered limit. */
export type RegisteredLimitInput = Omit<RegisteredLimit, 'id'>

/** What a client says of a new limit. */
export type LimitInput = Omit<NamedLimit, 'id' | 'registeredLimitId'>

export type LimitManager = ReturnType<typeof limitManager>

/** The use cases of unified limits. */
export function limitManager({ db, ids, options }: Deps) {
  return {
    showModel(ctx: Context): { name: EnforcementModel, description: string } {
      ctx.authorize(rules.GET_LIMIT_MODEL, {})
      return { name: options.enforcementModel, description: MODEL_DESCRIPTIONS[options.enforcementModel] }
    },

    async showRegistered(ctx: Context, id: string): Promise<RegisteredLimit> {
      ctx.authorize(rules.GET_REGISTERED_LIMIT, {})
      return db.read(tx => registered(tx, id))
    },

    async listRegistered(ctx: Context, listing: Listing<limits.RegisteredLimitField>): Promise<Listed<RegisteredLimit>> {
      ctx.authorize(rules.LIST_REGISTERED_LIMITS, {})
      return db.read(tx => limits.listRegistered(tx, bounded(listing, options)))
    },

    /** All of them or none. */
    async createRegistered(ctx: Context, inputs: readonly RegisteredLimitInput[]): Promise<RegisteredLimit[]> {
      ctx.authorize(rules.CREATE_REGISTERED_LIMITS, {})
      const made = inputs.map(input => ({ ...input, id: ids.hex() }))
      await storing('registered_limit', () => db.write(async tx => {
        for (const limit of made) await known(tx, limit, 'registered_limit')
        for (const limit of made) await limits.insertRegistered(tx, limit)
      }))
      return made
    },

    async updateRegistered(ctx: Context, id: string, input: Partial<RegisteredLimitInput>): Promise<RegisteredLimit> {
      ctx.authorize(rules.UPDATE_REGISTERED_LIMIT, {})
      return storing('registered_limit', () => db.write(async tx => {
        await known(tx, input, 'registered_limit')
        await limits.claimRegistered(tx, id)
        const next = { ...await registered(tx, id), ...input }
        if (await limits.isInUse(tx, id)) throw inUse(id)
        await limits.updateRegistered(tx, next)
        return next
      }))
    },

    async removeRegistered(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_REGISTERED_LIMIT, {})
      await db.write(async tx => {
        await limits.claimRegistered(tx, id)
        await registered(tx, id)
        if (await limits.isInUse(tx, id)) throw inUse(id)
        await limits.removeRegistered(tx, id)
      })
    },

    async show(ctx: Context, id: string): Promise<NamedLimit> {
      return db.read(async tx => {
        const limit = await limits.find(tx, id)
        const project = typeof limit?.projectId !== 'string' ? undefined : await projects.find(tx, limit.projectId)
        ctx.authorize(rules.GET_LIMIT, limit ? { target: { limit: {
          id, project_id: limit.projectId, domain_id: limit.domainId, ...(limit.domainId !== null && { domain: { id: limit.domainId } }), ...(project && { project: { id: project.id, domain_id: project.domainId } }),
        } } } : {})
        if (!limit) throw limitNotFound('limit', id)
        return limit
      })
    },

    /** All that exist for operators and services, a domain's for who is scoped to it, a project's own for everybody else. */
    async list(ctx: Context, listing: Listing<limits.LimitField>): Promise<Listed<NamedLimit>> {
      ctx.authorize(rules.LIST_LIMITS, {})
      const { systemScope, roles, domainId, projectId } = ctx.credentials
      const owner = systemScope || roles.includes('admin') || roles.includes('service') ? 'all' : domainId !== undefined ? { domainId } : projectId !== undefined ? { projectId } : undefined
      if (owner === undefined) return { items: [], more: false }
      return db.read(tx => limits.list(tx, owner, bounded(listing, options)))
    },

    /** All of them or none. */
    async create(ctx: Context, inputs: readonly LimitInput[]): Promise<NamedLimit[]> {
      ctx.authorize(rules.CREATE_LIMITS, {})
      return storing('limit', () => db.write(async tx => {
        const made: NamedLimit[] = []
        for (const input of inputs) {
          await known(tx, input, 'limit')
          const owner = await ownerOf(tx, input)
          const rests = await limits.findRegisteredFor(tx, input)
          if (!rests) throw refused('limit.unregistered', 'Unable to create a limit that has no corresponding registered limit.')
          made.push({ ...input, ...owner, id: ids.hex(), registeredLimitId: rests.id })
        }
        await fit(tx, made)
        for (const limit of made) await limits.insert(tx, limit)
        return made
      }))
    },

    async update(ctx: Context, id: string, input: { resourceLimit?: number | undefined, description?: string | null | undefined }): Promise<NamedLimit> {
      ctx.authorize(rules.UPDATE_LIMIT, {})
      return db.write(async tx => {
        const limit = await limits.find(tx, id)
        if (!limit) throw limitNotFound('limit', id)
        const next = { ...limit, resourceLimit: input.resourceLimit ?? limit.resourceLimit, description: input.description === undefined ? limit.description : input.description }
        await fit(tx, [next])
        await limits.update(tx, next)
        return next
      })
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_LIMIT, {})
      await db.write(async tx => {
        const limit = await limits.find(tx, id)
        if (!limit) throw limitNotFound('limit', id)
        await limits.claimRegistered(tx, limit.registeredLimitId)
        await limits.remove(tx, id)
      })
    },
  }

  /**
   * Throws unless the changed limits fit the model beside all others. Under strict_two_level no project may have more than its domain, whose limit is its own
   * or else the registered default. The resources are claimed first (in the order of their ids, so that two that claim several do not wait for each other).
   */
  async function fit(tx: Tx, changed: readonly NamedLimit[]): Promise<void> {
    for (const id of [...new Set(changed.map(l => l.registeredLimitId))].toSorted()) await limits.claimRegistered(tx, id)
    if (options.enforcementModel === 'flat') return
    for (const limit of changed) {
      const { registeredLimitId, resourceLimit } = limit
      if (limit.projectId !== null) {
        const domainId = (await projects.find(tx, limit.projectId))!.domainId!
        const beside = changed.find(l => l.domainId === domainId && l.registeredLimitId === registeredLimitId)
        const above = beside?.resourceLimit ?? await limits.findOfDomain(tx, registeredLimitId, domainId) ?? (await registered(tx, registeredLimitId)).defaultLimit
        if (allowsMore(resourceLimit, above)) throw unfitting(limit)
      } else if ((await limits.valuesBelow(tx, registeredLimitId, limit.domainId!)).some(below => allowsMore(below, resourceLimit))) throw unfitting(limit)
    }
  }
}

async function registered(tx: Tx, id: string): Promise<RegisteredLimit> {
  const limit = await limits.findRegistered(tx, id)
  if (!limit) throw limitNotFound('registered limit', id)
  return limit
}

/** Throws when the service or region that is named does not exist. */
async function known(tx: Tx, named: { serviceId?: string, regionId?: string | null }, what: 'registered_limit' | 'limit'): Promise<void> {
  if (named.serviceId !== undefined && !await services.find(tx, named.serviceId)) throw expected('service_id', what)
  if (typeof named.regionId === 'string' && !await regions.find(tx, named.regionId)) throw expected('region_id', what)
}

/** Whose the limit is; a project that acts as a domain counts as one. */
async function ownerOf(tx: Tx, { projectId, domainId }: Pick<LimitInput, 'projectId' | 'domainId'>): Promise<Pick<LimitInput, 'projectId' | 'domainId'>> {
  const id = projectId ?? domainId!
  const found = await projects.find(tx, id)
  if (!found || (projectId === null && !found.isDomain)) throw expected(projectId === null ? 'domain_id' : 'project_id', 'limit')
  return found.isDomain ? { projectId: null, domainId: id } : { projectId: id, domainId: null }
}

function inUse(id: string) {
  return refused('registeredLimit.inUse', `Unable to update or delete registered limit ${id} because there are project limits associated with it.`)
}

function unfitting(l: NamedLimit) {
  const whose = l.projectId === null ? `domain_id: ${l.domainId}` : `project_id: ${l.projectId}`
  return refused('limit.invalid', `Invalid resource limit: The resource limit (${whose}, resource_name: ${l.resourceName}, resource_limit: ${l.resourceLimit}, service_id: ${l.serviceId}, region_id: ${l.regionId ?? 'None'}) doesn't satisfy current hierarchy model..`)
}

function storing<T>(noun: 'registered_limit' | 'limit', work: () => Promise<T>): Promise<T> {
  return orFault({ unique: cause => conflict(noun, 'Duplicate entry', cause), reference: cause => conflict(noun, 'what it names was removed meanwhile', cause) }, work)
}

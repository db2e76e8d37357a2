// Policies that are kept for endpoints, and which endpoint is to follow which (OS-ENDPOINT-POLICY).
import { orFault } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import type { Endpoint, Policy, PolicyTarget } from '../../model/catalog/catalog.ts'
import { conflict, notFound } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import * as rules from '../../policy/catalog/policies.ts'
import * as policies from '../../store/catalog/policies.ts'
import * as endpoints from '../../store/catalog/endpoints.ts'
import * as regions from '../../store/catalog/regions.ts'
import * as services from '../../store/catalog/services.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of a policy. */
export interface PolicyInput { type?: string | undefined, blob?: string | undefined, extra?: Readonly<Record<string, unknown>> | undefined }

export type PolicyManager = ReturnType<typeof policyManager>

/** The use cases of policies and their associations. */
export function policyManager({ db, ids, options }: Deps) {
  return {
    async show(ctx: Context, id: string): Promise<Policy> {
      ctx.authorize(rules.GET_POLICY, {})
      return db.read(tx => policy(tx, id))
    },

    async list(ctx: Context, listing: Listing<'type'>): Promise<Listed<Policy>> {
      ctx.authorize(rules.LIST_POLICIES, {})
      return db.read(tx => policies.list(tx, bounded(listing, options)))
    },

    async create(ctx: Context, input: PolicyInput & { type: string, blob: string }): Promise<Policy> {
      ctx.authorize(rules.CREATE_POLICY, {})
      const made: Policy = { id: ids.hex(), type: input.type, blob: input.blob, extra: input.extra ?? {} }
      await db.write(tx => policies.insert(tx, made))
      return made
    },

    async update(ctx: Context, id: string, input: PolicyInput): Promise<Policy> {
      ctx.authorize(rules.UPDATE_POLICY, {})
      return db.write(async tx => {
        const was = await policy(tx, id)
        const next = { ...was, type: input.type ?? was.type, blob: input.blob ?? was.blob, extra: { ...was.extra, ...input.extra } }
        await policies.update(tx, next)
        return next
      })
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_POLICY, {})
      await db.write(async tx => {
        await policy(tx, id)
        await policies.remove(tx, id)
      })
    },

    /** From now on the target has this policy, and no other. */
    async associate(ctx: Context, id: string, target: PolicyTarget): Promise<void> {
      ctx.authorize(ruleFor('create', target), {})
      const changedMeanwhile = (cause: unknown) => conflict('policy association', 'somebody else changed it meanwhile', cause)
      await orFault({ unique: changedMeanwhile, reference: changedMeanwhile }, () => db.write(async tx => {
        await both(tx, id, target)
        await policies.dissociate(tx, target)
        await policies.associate(tx, id, target)
      }))
    },

    async checkAssociation(ctx: Context, id: string, target: PolicyTarget): Promise<void> {
      ctx.authorize(ruleFor('check', target), {})
      await db.read(async tx => {
        await both(tx, id, target)
        if (await policies.findAssociated(tx, target) !== id) throw new Fault('notFound', 'keystone.policyAssociation.notFound', 'Could not find policy association.')
      })
    },

    /** Also when there was none: as upstream. */
    async dissociate(ctx: Context, id: string, target: PolicyTarget): Promise<void> {
      ctx.authorize(ruleFor('delete', target), {})
      await db.write(async tx => {
        await both(tx, id, target)
        await policies.dissociate(tx, target, id)
      })
    },

    /** The endpoints that the policy is associated with, one way or another. */
    async endpointsOf(ctx: Context, id: string): Promise<Endpoint[]> {
      ctx.authorize(rules.LIST_ENDPOINTS_FOR_POLICY, {})
      return db.read(async tx => {
        await policy(tx, id)
        const covered = await Promise.all((await policies.targetsOf(tx, id)).map(target => coverage(tx, target)))
        return (await endpoints.list(tx)).filter(e => covered.some(covers => covers(e)))
      })
    },

    /** The policy that the endpoint is to follow: its own, else the one of its service in the nearest region around it, else the one of its service. */
    async ofEndpoint(ctx: Context, endpointId: string): Promise<Policy> {
      ctx.authorize(rules.GET_POLICY_FOR_ENDPOINT, {})
      return db.read(async tx => {
        const endpoint = await endpoints.find(tx, endpointId)
        if (!endpoint) throw notFound('endpoint', endpointId)
        const { serviceId } = endpoint
        let found = await policies.findAssociated(tx, { endpointId })
        for (let region = endpoint.regionId; found === undefined && region !== null; region = (await regions.find(tx, region))!.parentId) found = await policies.findAssociated(tx, { serviceId, regionId: region })
        found ??= await policies.findAssociated(tx, { serviceId, regionId: null })
        if (found === undefined) throw new Fault('notFound', 'keystone.policyAssociation.none', `No policy is associated with endpoint ${endpointId}.`)
        return policy(tx, found)
      })
    },
  }
}

const RULES = {
  create: { endpoint: rules.CREATE_POLICY_ASSOCIATION_FOR_ENDPOINT, service: rules.CREATE_POLICY_ASSOCIATION_FOR_SERVICE, region: rules.CREATE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE },
  check: { endpoint: rules.CHECK_POLICY_ASSOCIATION_FOR_ENDPOINT, service: rules.CHECK_POLICY_ASSOCIATION_FOR_SERVICE, region: rules.CHECK_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE },
  delete: { endpoint: rules.DELETE_POLICY_ASSOCIATION_FOR_ENDPOINT, service: rules.DELETE_POLICY_ASSOCIATION_FOR_SERVICE, region: rules.DELETE_POLICY_ASSOCIATION_FOR_REGION_AND_SERVICE },
} as const

function ruleFor(verb: keyof typeof RULES, target: PolicyTarget): Rule {
  return RULES[verb]['endpointId' in target ? 'endpoint' : target.regionId === null ? 'service' : 'region']
}

async function policy(tx: Tx, id: string): Promise<Policy> {
  const found = await policies.find(tx, id)
  if (!found) throw notFound('policy', id)
  return found
}

async function both(tx: Tx, policyId: string, target: PolicyTarget): Promise<void> {
  await policy(tx, policyId)
  if ('endpointId' in target) {
    if (!await endpoints.find(tx, target.endpointId)) throw notFound('endpoint', target.endpointId)
    return
  }
  if (!await services.find(tx, target.serviceId)) throw notFound('service', target.serviceId)
  if (target.regionId !== null && !await regions.find(tx, target.regionId)) throw notFound('region', target.regionId)
}

async function coverage(tx: Tx, target: PolicyTarget): Promise<(endpoint: Endpoint) => boolean> {
  if ('endpointId' in target) return e => e.id === target.endpointId
  const within = target.regionId === null ? undefined : new Set(await regions.idsWithin(tx, target.regionId))
  return e => e.serviceId === target.serviceId && (!within || (e.regionId !== null && within.has(e.regionId)))
}

// Roles and what they imply.
import { orConflict } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { conflict, invalid, notFound, refused } from '../../model/faults.ts'
import { bounded, type Listed, type Listing } from '../../model/filters.ts'
import { withImplied, type Inference, type Role } from '../../model/roles/roles.ts'
import { isImmutable, onlyReleases, withOptions } from '../../model/resource-options.ts'
import * as rules from '../../policy/roles/roles.ts'
import * as projects from '../../store/projects/projects.ts'
import * as roles from '../../store/roles/roles.ts'
import type { Tx } from '../../store/tables.ts'
import type { Deps } from '../deps.ts'

/** What a client may say of a role. */
export interface RoleInput {
  name?: string | undefined
  domainId?: string | null | undefined
  description?: string | null | undefined
  options?: Readonly<Record<string, unknown>> | undefined
  extra?: Readonly<Record<string, unknown>> | undefined
}

/** A role and those that it implies directly. */
export interface Implications { prior: Role, implies: Role[] }

/** Nobody becomes an administrator by implication. */
const ADMIN = 'admin'

export type RoleManager = ReturnType<typeof roleManager>

/** The use cases of roles. */
export function roleManager(deps: Deps) {
  const { db, ids } = deps

  /** The role, when the rule for its kind allows. A stranger is refused by the rule for global ones, whether there is a role or not. */
  async function authorized(ctx: Context, tx: Tx, which: { global: Rule, ofDomain: Rule }, id: string): Promise<Role> {
    const role = await roles.find(tx, id)
    ctx.authorize(role && role.domainId !== null ? which.ofDomain : which.global, targetOf(role))
    if (!role) throw notFound('role', id)
    return role
  }

  async function pair(tx: Tx, priorId: string, impliedId: string): Promise<{ prior: Role, implied: Role }> {
    const prior = await roles.find(tx, priorId)
    if (!prior) throw notFound('role', priorId)
    const implied = await roles.find(tx, impliedId)
    if (!implied) throw notFound('role', impliedId)
    return { prior, implied }
  }

  async function implications(tx: Tx): Promise<Implications[]> {
    const all = new Map((await roles.list(tx, {})).map(r => [r.id, r]))
    const grouped = Map.groupBy(await roles.inferences(tx), rule => rule.priorId)
    return [...grouped].map(([priorId, list]) => ({ prior: all.get(priorId)!, implies: list.map(rule => all.get(rule.impliedId)!) }))
  }

  return {
    async show(ctx: Context, id: string): Promise<Role> {
      return db.read(tx => authorized(ctx, tx, { global: rules.GET_ROLE, ofDomain: rules.GET_DOMAIN_ROLE }, id))
    },

    /** The roles of a domain, or those of none. */
    async list(ctx: Context, listing: Listing<roles.RoleField>, domainId: string | null): Promise<Listed<Role>> {
      ctx.authorize(domainId === null ? rules.LIST_ROLES : rules.LIST_DOMAIN_ROLES, {})
      return db.read(tx => roles.listPage(tx, bounded(listing, deps.options), domainId))
    },

    async create(ctx: Context, input: RoleInput & { name: string }): Promise<Role> {
      const domainId = input.domainId ?? null
      const role: Role = { id: ids.hex(), name: input.name.trim(), domainId, description: input.description ?? null, options: withOptions({}, input.options), extra: input.extra ?? {} }
      ctx.authorize(domainId === null ? rules.CREATE_ROLE : rules.CREATE_DOMAIN_ROLE, targetOf(role))
      await storing(domainId === null ? role.name : `${role.name} at domain ID ${domainId}`, () => db.write(async tx => {
        await deps.changed(tx)
        if (domainId !== null && !(await projects.find(tx, domainId))?.isDomain) throw notFound('domain', domainId)
        await roles.insert(tx, role)
      }))
      return role
    },

    /** An immutable role only ceases to be so. */
    async update(ctx: Context, id: string, input: RoleInput): Promise<Role> {
      return storing(input.name ?? id, () => db.write(async tx => {
        await deps.changed(tx)
        const role = await authorized(ctx, tx, { global: rules.UPDATE_ROLE, ofDomain: rules.UPDATE_DOMAIN_ROLE }, id)
        if (input.domainId !== undefined && input.domainId !== role.domainId) throw invalid('role.domain', 'Update of `domain_id` is not allowed.')
        if (isImmutable(role) && !onlyReleases(input)) throw immutable('update', id)
        const next = {
          ...role, name: input.name?.trim() ?? role.name, description: input.description === undefined ? role.description : input.description, options: withOptions(role.options, input.options),
          extra: { ...role.extra, ...input.extra },
        }
        await roles.update(tx, next)
        return next
      }))
    },

    async remove(ctx: Context, id: string): Promise<void> {
      await db.write(async tx => {
        await deps.changed(tx)
        const role = await authorized(ctx, tx, { global: rules.DELETE_ROLE, ofDomain: rules.DELETE_DOMAIN_ROLE }, id)
        if (isImmutable(role)) throw immutable('delete', id)
        await roles.remove(tx, id)
      })
    },

    async listInferences(ctx: Context): Promise<Implications[]> {
      ctx.authorize(rules.LIST_ROLE_INFERENCE_RULES, {})
      return db.read(implications)
    },

    async listImplied(ctx: Context, priorId: string): Promise<Implications> {
      ctx.authorize(rules.LIST_IMPLIED_ROLES, {})
      return db.read(async tx => {
        const prior = await roles.find(tx, priorId)
        if (!prior) throw notFound('role', priorId)
        return (await implications(tx)).find(i => i.prior.id === priorId) ?? { prior, implies: [] }
      })
    },

    async showImplied(ctx: Context, rule: Inference, check = false): Promise<Implications> {
      ctx.authorize(check ? rules.CHECK_IMPLIED_ROLE : rules.GET_IMPLIED_ROLE, {})
      return db.read(async tx => {
        const { prior, implied } = await pair(tx, rule.priorId, rule.impliedId)
        if (!(await roles.inferences(tx)).some(r => r.priorId === prior.id && r.impliedId === implied.id)) throw noInference(rule)
        return { prior, implies: [implied] }
      })
    },

    async imply(ctx: Context, rule: Inference): Promise<Implications> {
      ctx.authorize(rules.CREATE_IMPLIED_ROLE, {})
      const made = await db.write(async tx => {
        await deps.changed(tx)
        const { prior, implied } = await pair(tx, rule.priorId, rule.impliedId)
        if (implied.name === ADMIN || prior.domainId === null && implied.domainId !== null) throw refused('role.notImplied', `${implied.id} cannot be an implied roles.`)
        if (withImplied([implied.id], await roles.inferences(tx)).has(prior.id)) throw invalid('role.circle', `Role ${implied.name} implies ${prior.name} already: implications may not run in a circle.`)
        if (!await roles.imply(tx, rule)) throw conflict('implied_role', 'Duplicate entry')
        return { prior, implies: [implied] }
      })
      return made
    },

    async unimply(ctx: Context, rule: Inference): Promise<void> {
      ctx.authorize(rules.DELETE_IMPLIED_ROLE, {})
      await db.write(async tx => {
        await deps.changed(tx)
        await pair(tx, rule.priorId, rule.impliedId)
        if (!await roles.unimply(tx, rule)) throw noInference(rule)
      })
    },
  }
}

function targetOf(role: Role | undefined) {
  return { target: { role: { name: role?.name ?? null, domain_id: role?.domainId ?? null } } }
}

function noInference(rule: Inference): Fault {
  return new Fault('notFound', 'keystone.roleInference.notFound', `${rule.priorId} does not imply ${rule.impliedId}.`)
}

function immutable(verb: 'update' | 'delete', id: string): Fault {
  return refused('role.immutable', `Unable to ${verb} immutable role resource: \`${id}. Set resource option "immutable" to false first.`)
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orConflict(cause => conflict('role', `Duplicate entry found with name ${name}`, cause), work)
}

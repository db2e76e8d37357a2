// Roles and what they imply.
import { orConflict } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { conflict, invalid, notFound, refused } from '../model/faults.ts'
import { bounded, type Listed, type Listing } from '../model/filters.ts'
import { withImplied, type Inference, type Role } from '../model/roles.ts'
import * as rules from '../policy/roles.ts'
import * as roles from '../store/roles.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

/** What a client may say of a role. */
export interface RoleInput {
  name?: string | undefined
  domainId?: string | null | undefined
  description?: string | null | undefined
  options?: Readonly<Record<string, unknown>> | undefined
}

/** A role and those that it implies directly. */
export interface Implications { prior: Role, implies: Role[] }

/** Nobody becomes an administrator by implication. */
const ADMIN = 'admin'

export type RoleManager = ReturnType<typeof roleManager>

/** The use cases of roles. */
export function roleManager(deps: Deps) {
  const { db, ids } = deps

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
      const role = await db.read(tx => roles.find(tx, id))
      ctx.authorize(rules.GET_ROLE, { target: { role: { name: role?.name ?? null, domain_id: role?.domainId ?? null } } })
      if (!role) throw notFound('role', id)
      return role
    },

    /** The roles of a domain, or those of none. */
    async list(ctx: Context, listing: Listing<roles.RoleField>, domainId: string | null): Promise<Listed<Role>> {
      ctx.authorize(domainId === null ? rules.LIST_ROLES : rules.LIST_DOMAIN_ROLES, {})
      return db.read(tx => roles.listPage(tx, bounded(listing, deps.options), domainId))
    },

    async create(ctx: Context, input: RoleInput & { name: string }): Promise<Role> {
      ctx.authorize(rules.CREATE_ROLE, {})
      const role: Role = { id: ids.hex(), name: input.name.trim(), domainId: input.domainId ?? null, description: input.description ?? null, options: input.options ?? {} }
      await storing(role.name, () => db.write(tx => roles.insert(tx, role)))
      return role
    },

    async update(ctx: Context, id: string, input: RoleInput): Promise<Role> {
      ctx.authorize(rules.UPDATE_ROLE, {})
      const next = await storing(input.name ?? id, () => db.write(async tx => {
        const role = await roles.find(tx, id)
        if (!role) throw notFound('role', id)
        const next = { ...role, name: input.name?.trim() ?? role.name, description: input.description === undefined ? role.description : input.description, options: { ...role.options, ...input.options } }
        await roles.update(tx, next)
        await deps.changed(tx)
        return next
      }))
      return next
    },

    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.DELETE_ROLE, {})
      await db.write(async tx => {
        if (!await roles.find(tx, id)) throw notFound('role', id)
        await roles.remove(tx, id)
        await deps.changed(tx)
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
        if (!(await roles.inferences(tx)).some(r => r.priorId === prior.id && r.impliedId === implied.id)) throw notFound('role', `${implied.id} implied by ${prior.id}`)
        return { prior, implies: [implied] }
      })
    },

    async imply(ctx: Context, rule: Inference): Promise<Implications> {
      ctx.authorize(rules.CREATE_IMPLIED_ROLE, {})
      const made = await db.write(async tx => {
        const { prior, implied } = await pair(tx, rule.priorId, rule.impliedId)
        if (implied.name === ADMIN) throw refused('role.notImplied', `${implied.id} cannot be an implied roles.`)
        if (prior.domainId === null && implied.domainId !== null) throw refused('role.notImplied', 'Global role cannot imply a domain-specific role')
        if (withImplied([implied.id], await roles.inferences(tx)).has(prior.id)) throw invalid('role.circle', `Role ${implied.name} implies ${prior.name} already: implications may not run in a circle.`)
        await roles.imply(tx, rule)
        await deps.changed(tx)
        return { prior, implies: [implied] }
      })
      return made
    },

    async unimply(ctx: Context, rule: Inference): Promise<void> {
      ctx.authorize(rules.DELETE_IMPLIED_ROLE, {})
      await db.write(async tx => {
        if (!await roles.unimply(tx, rule)) throw notFound('role', `${rule.impliedId} implied by ${rule.priorId}`)
        await deps.changed(tx)
      })
    },
  }
}

function storing<T>(name: string, work: () => Promise<T>): Promise<T> {
  return orConflict(cause => conflict('role', `Duplicate entry found with name ${name}`, cause), work)
}

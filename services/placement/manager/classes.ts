// Resource classes: the standard ones, and what a site adds.
import type { Context } from '@alto/kit/context'
import { Fault } from '@alto/kit/errors'
import { isStandardClass, STANDARD_CLASSES } from '../model/classes.ts'
import { invalid, noClass } from '../model/faults.ts'
import * as rules from '../policy/classes.ts'
import * as classes from '../store/classes.ts'
import * as inventories from '../store/inventories.ts'
import type { Tx } from '../store/tables.ts'
import type { Deps } from './deps.ts'

export type ClassManager = ReturnType<typeof classManager>

/** The use cases of resource classes. */
export function classManager({ db, clock }: Deps) {
  return {
    async list(ctx: Context): Promise<string[]> {
      ctx.authorize(rules.LIST, {})
      return db.read(async tx => [...await knownClasses(tx)])
    },

    /** Throws Fault notFound when there is no such class. */
    async show(ctx: Context, name: string): Promise<void> {
      ctx.authorize(rules.SHOW, {})
      if (!(await db.read(tx => knownClasses(tx))).has(name)) throw noClass(name)
    },

    /** Adds a class; Fault conflict when it is there. */
    async create(ctx: Context, name: string): Promise<void> {
      ctx.authorize(rules.CREATE, {})
      if (!await db.write(tx => classes.insert(tx, name, clock.now()))) throw new Fault('conflict', 'placement.class.exists', `Conflicting resource class already exists: ${name}`)
    },

    /** Makes sure that there is such a class; true when it is new. */
    async put(ctx: Context, name: string): Promise<boolean> {
      ctx.authorize(rules.UPDATE, {})
      return db.write(tx => classes.insert(tx, name, clock.now()))
    },

    /** Gives a class that nobody has an inventory of another name (microversions 1.2 to 1.6). */
    async rename(ctx: Context, name: string, to: string): Promise<void> {
      ctx.authorize(rules.UPDATE, {})
      await db.write(async tx => {
        await removable(tx, name, 'Cannot update')
        await classes.remove(tx, name)
        if (!await classes.insert(tx, to, clock.now())) throw new Fault('conflict', 'placement.class.exists', `Resource class already exists: ${to}`)
      })
    },

    /** Removes a class of the site's own that nobody has an inventory of. */
    async remove(ctx: Context, name: string): Promise<void> {
      ctx.authorize(rules.REMOVE, {})
      await db.write(async tx => {
        await removable(tx, name, 'Cannot delete')
        await classes.remove(tx, name)
      })
    },
  }
}

/** The names of all resource classes, the standard ones first. */
export async function knownClasses(tx: Tx): Promise<Set<string>> {
  return new Set([...STANDARD_CLASSES, ...await classes.listOwn(tx)])
}

/** Holds the classes, so that none goes while an inventory of it is written. Fault badRequest names those that do not exist. */
export async function holdClasses(tx: Tx, names: readonly string[]): Promise<void> {
  for (const name of names.filter(n => !isStandardClass(n)).toSorted()) if (!await classes.hold(tx, name)) throw invalid(`Unknown resource class in inventory: No such resource class ${name}.`)
}

async function removable(tx: Tx, name: string, refusal: string): Promise<void> {
  if (isStandardClass(name)) throw invalid(`${refusal} standard resource class ${name}.`)
  if (!await classes.hold(tx, name)) throw noClass(name)
  if (await inventories.hasClass(tx, name)) throw new Fault('conflict', 'placement.class.inuse', `${refusal} resource class ${name}: Class is in use in inventory.`)
}

// Volume types: made by administrators, chosen by users.
import type { Context } from '@alto/kit/context'
import { isForeignKeyViolation, isUniqueViolation } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { invalid, noType } from '../model/faults.ts'
import { DEFAULT_TYPE, type VolumeType } from '../model/volume-types.ts'
import * as specRules from '../policy/extra-specs.ts'
import * as accessRules from '../policy/type-access.ts'
import * as rules from '../policy/volume-types.ts'
import type { Tx } from '../store/tables.ts'
import * as types from '../store/volume-types.ts'
import { projectOf, type Deps } from './deps.ts'

export type TypeManager = ReturnType<typeof typeManager>

/** The use cases of volume types. */
export function typeManager({ db, clock, ids, options }: Deps) {
  const own = (ctx: Context) => ({ project_id: projectOf(ctx) })

  async function change(ctx: Context, rule: Parameters<Context['authorize']>[0], id: string, with_: (type: VolumeType) => VolumeType): Promise<VolumeType> {
    ctx.authorize(rule, own(ctx))
    return naming(() => db.write(async tx => {
      const type = with_(await existing(tx, id))
      await types.update(tx, type)
      return type
    }))
  }

  return {
    /** `isPublic` undefined: all that the caller may see. */
    async list(ctx: Context, isPublic: boolean | undefined): Promise<VolumeType[]> {
      ctx.authorize(rules.TYPE_GET_ALL, own(ctx))
      return db.read(async tx => {
        const seen = await types.accessibleTo(tx, projectOf(ctx))
        const admin = ctx.allowed(rules.TYPE_CREATE, {})
        return (await types.list(tx)).filter(type => (type.isPublic || admin || seen.has(type.id)) && (!admin || isPublic === undefined || type.isPublic === isPublic))
      })
    },

    /** The type of that id; `default` names the default one. */
    async show(ctx: Context, id: string): Promise<VolumeType> {
      ctx.authorize(rules.TYPE_GET, own(ctx))
      return db.read(tx => visibleType(ctx, tx, id === 'default' ? options.defaultVolumeType : id))
    },

    async create(ctx: Context, input: { name: string, description: string | null, isPublic: boolean, extraSpecs: Readonly<Record<string, string>> }): Promise<VolumeType> {
      ctx.authorize(rules.TYPE_CREATE, own(ctx))
      const type = { id: ids.uuid(), ...input, createdAt: clock.now() }
      return naming(() => db.write(async tx => { await types.insert(tx, type); return type }))
    },

    update: (ctx: Context, id: string, input: { name?: string | undefined, description?: string | null | undefined, isPublic?: boolean | undefined }) => change(ctx, rules.TYPE_UPDATE, id, type => ({
      ...type, name: input.name ?? type.name, description: input.description === undefined ? type.description : input.description, isPublic: input.isPublic ?? type.isPublic,
    })),

    /** Fault badRequest while volumes have it, and for the default type. */
    async remove(ctx: Context, id: string): Promise<void> {
      ctx.authorize(rules.TYPE_DELETE, own(ctx))
      try {
        await db.write(async tx => {
          const type = await existing(tx, id)
          if (type.name === options.defaultVolumeType || type.name === DEFAULT_TYPE) throw invalid(`Volume type ${type.id} is the default type and cannot be deleted.`)
          await types.remove(tx, type.id)
        })
      } catch (cause) {
        if (isForeignKeyViolation(cause)) throw new Fault('badRequest', 'cinder.type.inUse', 'Target volume type is still in use.', { cause })
        throw cause
      }
    },

    async extraSpecs(ctx: Context, id: string): Promise<Readonly<Record<string, string>>> {
      ctx.authorize(specRules.INDEX, own(ctx))
      return (await db.read(tx => visibleType(ctx, tx, id))).extraSpecs
    },

    async extraSpec(ctx: Context, id: string, key: string): Promise<string> {
      ctx.authorize(specRules.SHOW, own(ctx))
      const value = (await db.read(tx => visibleType(ctx, tx, id))).extraSpecs[key]
      if (value === undefined) throw noSpec(id, key)
      return value
    },

    async setExtraSpecs(ctx: Context, id: string, specs: Readonly<Record<string, string>>, how: 'create' | 'update'): Promise<void> {
      await change(ctx, how === 'create' ? specRules.CREATE : specRules.UPDATE, id, type => ({ ...type, extraSpecs: { ...type.extraSpecs, ...specs } }))
    },

    async removeExtraSpec(ctx: Context, id: string, key: string): Promise<void> {
      await change(ctx, specRules.DELETE, id, type => {
        if (!(key in type.extraSpecs)) throw noSpec(id, key)
        const { [key]: _gone, ...extraSpecs } = type.extraSpecs
        return { ...type, extraSpecs }
      })
    },

    /** Projects that see a private type. */
    async access(ctx: Context, id: string): Promise<{ typeId: string, projects: string[] }> {
      ctx.authorize(accessRules.GET_ALL_FOR_TYPE, own(ctx))
      return db.read(async tx => {
        const type = await existing(tx, id)
        if (type.isPublic) throw new Fault('notFound', 'cinder.type.public', 'Access list not available for public volume types.')
        return { typeId: type.id, projects: await types.listAccess(tx, type.id) }
      })
    },

    async addAccess(ctx: Context, id: string, projectId: string): Promise<void> {
      ctx.authorize(accessRules.ADDPROJECTACCESS, own(ctx))
      try {
        await db.write(async tx => {
          const type = await existing(tx, id)
          if (type.isPublic) throw new Fault('conflict', 'cinder.type.public', 'Type access modification is not applicable to public volume type.')
          await types.addAccess(tx, type.id, projectId)
        })
      } catch (cause) {
        if (isUniqueViolation(cause)) throw new Fault('conflict', 'cinder.type.accessExists', `Volume type access for ${id} / ${projectId} combination already exists.`, { cause })
        throw cause
      }
    },

    async removeAccess(ctx: Context, id: string, projectId: string): Promise<void> {
      ctx.authorize(accessRules.REMOVEPROJECTACCESS, own(ctx))
      await db.write(async tx => {
        const type = await existing(tx, id)
        if (!await types.removeAccess(tx, type.id, projectId)) throw new Fault('notFound', 'cinder.type.noAccess', `Volume type access not found for ${id} / ${projectId} combination.`)
      })
    },
  }
}

/** The type of that id or name, if the caller's project may use it. Fault notFound. */
export async function visibleType(ctx: Context, tx: Tx, idOrName: string): Promise<VolumeType> {
  const type = await types.find(tx, idOrName)
  if (!type) throw noType(idOrName)
  const isHidden = !type.isPublic && !ctx.allowed(rules.TYPE_CREATE, {}) && !(await types.accessibleTo(tx, projectOf(ctx))).has(type.id)
  if (isHidden) throw noType(idOrName)
  return type
}

async function existing(tx: Tx, id: string): Promise<VolumeType> {
  const type = await types.find(tx, id)
  if (!type) throw noType(id)
  return type
}

function noSpec(id: string, key: string): Fault {
  return new Fault('notFound', 'cinder.type.noSpec', `Volume Type ${id} has no extra specs with key ${key}.`)
}

async function naming<T>(store: () => Promise<T>): Promise<T> {
  try {
    return await store()
  } catch (cause) {
    if (isUniqueViolation(cause)) throw new Fault('conflict', 'cinder.type.exists', 'A volume type of that name already exists.', { cause })
    throw cause
  }
}

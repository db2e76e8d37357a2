// Credentials: kept under lock for their owners, and shown to nobody else but administrators. Seeds of one-time passwords are not even shown to those.
import { createHash } from 'node:crypto'
import type { Context } from '@alto/kit/context'
import { orFault } from '@alto/kit/db'
import { isFault } from '@alto/kit/errors'
import type { Rule } from '@alto/kit/policy'
import { LOCKED } from '../../driver/vault.ts'
import { isEc2, isTotp, keepsBinding, readEc2Blob, type Credential } from '../../model/credentials/credentials.ts'
import { conflict, notFound, refused } from '../../model/faults.ts'
import * as rules from '../../policy/credentials/credentials.ts'
import * as ec2Rules from '../../policy/credentials/ec2.ts'
import * as credentials from '../../store/credentials/credentials.ts'
import * as projects from '../../store/projects/projects.ts'
import type { Tx } from '../../store/tables.ts'
import * as users from '../../store/users/users.ts'
import { isDelegated, refuseDelegated } from '../delegation/caller.ts'
import type { Deps } from '../deps.ts'
import type { Passcodes } from './passcodes.ts'

/** What a client may say of a new credential. */
export interface CredentialInput {
  userId: string
  projectId: string | null
  type: string
  blob: string
  extra: Readonly<Record<string, unknown>>
}

/** A credential as it may be shown: without blob when that is a secret for good. */
export type ShownCredential = Omit<Credential, 'blob'> & { blob?: string }

export type CredentialManager = ReturnType<typeof credentialManager>

/** The use cases of credentials. `passcode` is what came as OpenStack-MFA-Passcode: who has MFA rules proves itself anew before it touches a seed. */
export function credentialManager(deps: Deps, passcodes: Passcodes) {
  const { db, ids, vault, options } = deps

  const opened = ({ sealed, ...credential }: credentials.StoredCredential): Credential => ({ ...credential, blob: vault.open(sealed) })
  /** In a list: one that cannot be read does not hide the others. */
  const listed = (stored: credentials.StoredCredential): ShownCredential => {
    try {
      return shown(stored)
    } catch (error) {
      if (!isFault(error, LOCKED)) throw error
      const { sealed: _, ...credential } = stored
      return credential
    }
  }
  const shown = (stored: credentials.StoredCredential): ShownCredential => {
    if (!isTotp(stored.type)) return opened(stored)
    const { sealed: _, ...credential } = stored
    return credential
  }

  async function authorized(ctx: Context, tx: Tx, rule: Rule, id: string): Promise<credentials.StoredCredential> {
    const stored = await credentials.find(tx, id)
    ctx.authorize(rule, stored ? targetOf(stored) : {})
    if (!stored) throw notFound('credential', id)
    refuseDelegated(ctx)
    return stored
  }

  /** The EC2 credential of that access key. Whose it is decides, not whom the path names, as upstream has it. */
  async function authorizedEc2(ctx: Context, tx: Tx, rule: Rule, at: { userId: string, access: string }): Promise<credentials.StoredCredential> {
    const id = idOfAccess(at.access)
    const stored = await credentials.find(tx, id)
    ctx.authorize(rule, stored ? { ...targetOf(stored), user_id: at.userId } : { user_id: at.userId, target: { credential: { user_id: at.userId } } })
    if (!await users.find(tx, at.userId)) throw notFound('user', at.userId)
    if (stored?.type !== 'ec2') throw notFound('credential', id)
    refuseDelegated(ctx)
    return stored
  }

  /** The owner and the project have to be there, and the owner has to have room. */
  async function add(tx: Tx, credential: Credential): Promise<void> {
    const { blob, ...rest } = credential
    if (!await users.find(tx, credential.userId)) throw notFound('user', credential.userId)
    if (credential.projectId !== null && !await projects.find(tx, credential.projectId)) throw notFound('project', credential.projectId)
    const limit = options.userCredentialLimit
    if (limit !== null && await credentials.countLocked(tx, credential.userId) >= limit) throw refused('credential.limit', `Unable to create additional credentials, maximum of ${limit} already exceeded for user.`)
    await credentials.insert(tx, { ...rest, sealed: vault.seal(blob) })
  }

  const storing = (credential: Credential) => orFault({
    unique: cause => conflict('credential', `Duplicate entry found with ID ${credential.id}`, cause), reference: cause => conflict('credential', 'its user or project has just been removed', cause),
  }, () => db.write(tx => add(tx, credential)))

  return {
    async show(ctx: Context, id: string): Promise<ShownCredential> {
      await vault.refresh()
      return db.read(async tx => shown(await authorized(ctx, tx, rules.GET_CREDENTIAL, id)))
    },

    /** Those of the filter that the caller may see. */
    async list(ctx: Context, filter: { userId?: string | undefined, type?: string | undefined }): Promise<ShownCredential[]> {
      ctx.authorize(rules.LIST_CREDENTIALS, { target: { credential: { user_id: ctx.credentials.systemScope ? undefined : ctx.credentials.userId } } })
      if (isDelegated(ctx)) return []
      await vault.refresh()
      return (await db.read(tx => credentials.list(tx, filter))).filter(one => ctx.allowed(rules.GET_CREDENTIAL, targetOf(one))).map(listed)
    },

    async create(ctx: Context, input: CredentialInput, passcode: string | undefined): Promise<Credential> {
      ctx.authorize(rules.CREATE_CREDENTIAL, targetOf(input))
      refuseDelegated(ctx)
      if (isTotp(input.type)) await passcodes.requireFresh(ctx.credentials.userId, passcode)
      const credential = { ...input, id: isEc2(input.type) ? idOfAccess(readEc2Blob(input.blob).access) : ids.hex() }
      await vault.refresh()
      await storing(credential)
      return credential
    },

    /** Only the blob changes: owner, project and type are what the credential is. */
    async update(ctx: Context, id: string, blob: string, passcode: string | undefined): Promise<Credential> {
      await vault.refresh()
      const { type } = await db.read(tx => authorized(ctx, tx, rules.UPDATE_CREDENTIAL, id))
      if (isTotp(type)) await passcodes.requireFresh(ctx.credentials.userId, passcode)
      return db.write(async tx => {
        const stored = await authorized(ctx, tx, rules.UPDATE_CREDENTIAL, id)
        const before = opened(stored)
        if (isEc2(stored.type)) keepsBinding(before.blob, blob)
        await credentials.setSealed(tx, id, vault.seal(blob))
        return { ...before, blob }
      })
    },

    async remove(ctx: Context, id: string, passcode: string | undefined): Promise<void> {
      const { type } = await db.read(tx => authorized(ctx, tx, rules.DELETE_CREDENTIAL, id))
      if (isTotp(type)) await passcodes.requireFresh(ctx.credentials.userId, passcode)
      await db.write(async tx => {
        await authorized(ctx, tx, rules.DELETE_CREDENTIAL, id)
        await credentials.remove(tx, id)
      })
    },

    async listEc2(ctx: Context, userId: string): Promise<Credential[]> {
      ctx.authorize(ec2Rules.EC2_LIST_CREDENTIALS, { user_id: userId })
      refuseDelegated(ctx)
      await vault.refresh()
      return db.read(async tx => {
        if (!await users.find(tx, userId)) throw notFound('user', userId)
        return (await credentials.list(tx, { userId, type: 'ec2' })).map(opened)
      })
    },

    async createEc2(ctx: Context, userId: string, projectId: string): Promise<Credential> {
      ctx.authorize(ec2Rules.EC2_CREATE_CREDENTIAL, { user_id: userId, target: { credential: { user_id: userId } } })
      refuseDelegated(ctx)
      const access = ids.hex()
      const credential: Credential = { id: idOfAccess(access), userId, projectId, type: 'ec2', blob: JSON.stringify({ access, secret: ids.hex(), trust_id: null }), extra: {} }
      await vault.refresh()
      await storing(credential)
      return credential
    },

    async showEc2(ctx: Context, at: { userId: string, access: string }): Promise<Credential> {
      await vault.refresh()
      return db.read(async tx => opened(await authorizedEc2(ctx, tx, ec2Rules.EC2_GET_CREDENTIAL, at)))
    },

    async removeEc2(ctx: Context, at: { userId: string, access: string }): Promise<void> {
      await db.write(async tx => credentials.remove(tx, (await authorizedEc2(ctx, tx, ec2Rules.EC2_DELETE_CREDENTIAL, at)).id))
    },
  }
}

/** The id of the EC2 credential with this access key. */
export function idOfAccess(access: string): string {
  return createHash('sha256').update(access).digest('hex')
}

function targetOf({ userId, projectId, type }: Pick<Credential, 'userId' | 'projectId' | 'type'>) {
  return { target: { credential: { user_id: userId, project_id: projectId, type } } }
}

// Key pairs of users.
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { isUniqueViolation } from '@alto/kit/db'
import type { Context } from '@alto/kit/context'
import { conflict, invalid, notFound, overQuota } from '../model/faults.ts'
import { fingerprintOf, sshRsa, type Keypair } from '../model/keypairs.ts'
import { UNCOUNTED } from '../model/quotas.ts'
import * as rules from '../policy/keypairs.ts'
import * as keypairs from '../store/keypairs.ts'
import type { Deps } from './deps.ts'

/** The use cases of key pairs. `userId`: another user's, for admins (2.10). */
export function keypairManager({ db, clock, ids }: Pick<Deps, 'db' | 'clock' | 'ids'>) {
  const whose = (ctx: Context, userId: string | undefined) => userId ?? ctx.credentials.userId

  return {
    async show(ctx: Context, name: string, userId: string | undefined): Promise<Keypair> {
      const owner = whose(ctx, userId)
      ctx.authorize(rules.SHOW, { user_id: owner })
      const found = await db.read(tx => keypairs.find(tx, owner, name))
      if (!found) throw notFound('keypair', `Keypair ${name} not found for user ${owner}`)
      return found
    },

    async list(ctx: Context, query: { userId: string | undefined, limit: number, marker: string | undefined }): Promise<{ rows: Keypair[], more: boolean }> {
      const owner = whose(ctx, query.userId)
      ctx.authorize(rules.INDEX, { user_id: owner })
      return db.read(async tx => {
        if (query.marker !== undefined && !await keypairs.find(tx, owner, query.marker)) throw invalid('marker.notFound', `marker [${query.marker}] not found`)
        return keypairs.list(tx, owner, { limit: query.limit, after: query.marker })
      })
    },

    /** Imports a public key, or makes a pair when none is given; the private key is told once and kept nowhere. */
    async create(ctx: Context, input: { name: string, type: 'ssh' | 'x509', publicKey: string | undefined, userId: string | undefined }): Promise<{ keypair: Keypair, privateKey: string | undefined }> {
      const owner = whose(ctx, input.userId)
      ctx.authorize(rules.CREATE, { user_id: owner })
      if (input.type === 'x509') throw invalid('keypair.x509', 'Keypair data is invalid: certificates (x509) are not supported, use an OpenSSH public key.')
      const made = input.publicKey === undefined ? await generated() : { publicKey: input.publicKey, privateKey: undefined }
      const fingerprint = fingerprintOf(made.publicKey)
      if (fingerprint === undefined) throw invalid('keypair.invalid', 'Keypair data is invalid: failed to generate fingerprint')
      const keypair: Keypair = { id: ids.below(2 ** 31 - 1) + 1, userId: owner, name: input.name, type: 'ssh', publicKey: made.publicKey, fingerprint, createdAt: clock.now() }
      try {
        await db.write(async tx => {
          const used = await keypairs.count(tx, owner)
          if (used >= UNCOUNTED.key_pairs) throw overQuota([{ resource: 'key_pairs', requested: 1, used, limit: UNCOUNTED.key_pairs }])
          await keypairs.insert(tx, keypair)
        })
      } catch (error) {
        if (isUniqueViolation(error)) throw conflict('keypair.exists', `Key pair '${input.name}' already exists.`)
        throw error
      }
      return { keypair, privateKey: made.privateKey }
    },

    async remove(ctx: Context, name: string, userId: string | undefined): Promise<void> {
      const owner = whose(ctx, userId)
      ctx.authorize(rules.DELETE, { user_id: owner })
      if (!await db.write(tx => keypairs.remove(tx, owner, name))) throw notFound('keypair', `Keypair ${name} not found for user ${owner}`)
    },
  }
}

export type KeypairManager = ReturnType<typeof keypairManager>

async function generated(): Promise<{ publicKey: string, privateKey: string }> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const jwk = publicKey.export({ format: 'jwk' }) as { n: string, e: string }
  return { publicKey: sshRsa(jwk, 'Generated-by-Nova'), privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }) as string }
}

// Receipts: what a user gets who has proven some of what its rules ask for. With it the rest can be proven in another request.
// A receipt is no token, and is locked with keys of its own. It gives a token once.
import { createHash } from 'node:crypto'
import { Packr, unpack as decode } from 'msgpackr'
import { isoMicros } from '@alto/kit/clock'
import { decrypt, encrypt } from '../../driver/fernet.ts'
import { unauthorized } from '../../model/faults.ts'
import type { Project } from '../../model/projects/projects.ts'
import type { User } from '../../model/users/users.ts'
import * as receipts from '../../store/tokens/receipts.ts'
import type { Deps } from '../deps.ts'

/** A receipt, and the body that tells of it. */
export interface Receipt {
  receipt: string
  body: unknown
}

/** What a receipt that was shown stands for. */
export interface ShownReceipt {
  userId: string
  methods: readonly string[]
  /** Milliseconds. */
  issuedAt: number
  /** Makes it worthless; Throws Fault('unauthenticated') when somebody was faster. */
  use(): Promise<void>
}

const packr = new Packr({ useRecords: false })

/** Makes receipts and reads them. */
export function receiptManager({ db, clock, ids, keys, options }: Deps) {
  /** For a user of the domain `home` who has proven `methods`, and whose rules `required` want more. */
  async function issue({ user, home, methods, required }: { user: User, home: Project, methods: readonly string[], required: string[][] }): Promise<Receipt> {
    await keys.receipts.refresh()
    const now = clock.now()
    const expiresAt = Math.floor(now / 1000) * 1000 + options.receiptExpiration * 1000
    return {
      receipt: encrypt(keys.receipts.keys[0]!, packr.pack([1, user.id, methods, expiresAt, now]), now, ids.bytes(16)),
      body: {
        receipt: { methods, user: { id: user.id, name: user.name, domain: { id: home.id, name: home.name } }, expires_at: isoMicros(expiresAt), issued_at: isoMicros(now) },
        required_auth_methods: required,
      },
    }
  }

  /** What the receipt says the user has proven. Throws Fault('unauthenticated', 'keystone.unauthorized') when it is no receipt, used or over. */
  async function read(receipt: string): Promise<ShownReceipt> {
    await keys.receipts.refresh()
    const plain = decrypt(keys.receipts.keys, receipt)
    const [version, userId, methods, expiresAt, issuedAt] = (plain ? decode(plain) : []) as unknown[]
    if (version !== 1 || typeof userId !== 'string' || !Array.isArray(methods) || typeof expiresAt !== 'number' || typeof issuedAt !== 'number' || expiresAt <= clock.now()) throw unauthorized('the receipt that was shown is not valid')
    const receiptHash = createHash('sha256').update(Buffer.from(receipt, 'base64url')).digest('hex')
    if (await db.read(tx => receipts.isUsed(tx, receiptHash))) throw unauthorized('the receipt that was shown has given a token')
    return {
      userId, methods: methods as string[], issuedAt,
      async use() {
        if (!await db.write(tx => receipts.take(tx, receiptHash, { expiresAt, now: clock.now() }))) throw unauthorized('the receipt that was shown has given a token')
      },
    }
  }

  return { issue, read }
}

// `./alto keys rotate`.
import { Argument } from 'commander'
import type { KeyUse } from '@alto/keystone'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'
import type { AddCommand } from './data.ts'
import { openStore, withStore, type StoreFlags } from './identity-store.ts'

const MAKES: Readonly<Record<KeyUse, string>> = { token: 'tokens', receipt: 'receipts', credential: 'what locks credentials', jws: 'signed tokens' }

/** Adds `keys`. */
export const addKeys: AddCommand = program => {
  const keys = program.command('keys').description('the keys of tokens, receipts and credentials')
  withStore(keys.command('rotate')).description('the staged key makes things from now on, and another is staged; whatever was made before stays valid')
    .addArgument(new Argument('[use]', 'what for').choices(Object.keys(MAKES)).default('token'))
    .action(async (use: KeyUse, flags: StoreFlags) => {
      const { rotateKeys } = await import('@alto/keystone')
      await using store = await openStore(flags)
      const { primary, removed, resealed, unreadable } = await rotateKeys(use, { dir: store.keys, db: store.db, clock: systemClock, ids: systemIds, options: store.options })
      console.log([
        `Key ${primary} makes ${MAKES[use]} now`,
        ...use === 'credential' ? [`${resealed} ${resealed === 1 ? 'credential was' : 'credentials were'} locked with it`] : [],
        ...unreadable > 0 ? [`${unreadable} cannot be read, because the key that locked ${unreadable === 1 ? 'it' : 'them'} is lost`] : [],
        ...removed.length > 0 ? [`${removed.join(' and ')} ${removed.length === 1 ? 'is' : 'are'} gone`] : [],
      ].join('; '))
    })
}

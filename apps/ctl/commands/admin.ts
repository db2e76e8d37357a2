// `./alto admin reset-password`.
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { isHeld, keepAdminPassword, writePrivate } from '@alto/allinone/data-directory'
import { systemClock } from '@alto/kit/clock'
import { Fault } from '@alto/kit/errors'
import { systemIds } from '@alto/kit/ids'
import { ask, type AddCommand } from './data.ts'
import { openStore, withStore, type StoreFlags } from './identity-store.ts'

interface ResetFlags extends StoreFlags { passwordStdin?: boolean }

/** Adds `admin`. */
export const addAdmin: AddCommand = program => {
  const admin = program.command('admin').description('the way back in')
  withStore(admin.command('reset-password')).description('give the administrator a password, its roles and its rights back; the cloud may be running or not')
    .option('--password-stdin', 'read the password from standard input (of a data directory; a new random one otherwise)')
    .action(async (flags: ResetFlags) => { console.log(flags.config === undefined ? await resetData(flags) : await resetSite(flags)) })
}

async function resetData(flags: ResetFlags): Promise<string> {
  const given = flags.passwordStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined
  if (given === '') throw new Fault('badRequest', 'ctl.password', 'Standard input held no password.')
  const password = given ?? systemIds.bytes(18).toString('base64url')
  const { recover } = await import('@alto/keystone')
  await using store = await openStore(flags)
  await recover({ ...store, clock: systemClock, ids: systemIds }, password)
  const secrets = await keepAdminPassword(flags.data, password)
  if (isHeld(flags.data)) {
    const [{ url }, { cloudsYaml, openrc }] = [await ask(flags.data, 'status') as { url: string }, await import('@alto/allinone/client-files')]
    await writePrivate(join(flags.data, 'clouds.yaml'), cloudsYaml(url, secrets))
    await writePrivate(join(flags.data, 'openrc'), openrc(url, secrets))
  }
  return `The user admin has its roles, and the password in ${resolve(flags.data, 'secrets.json')}.`
}

/** Every start of a controller gives the administrator the password of the configuration, so no other would last. */
async function resetSite(flags: ResetFlags): Promise<string> {
  if (flags.passwordStdin) throw new Fault('badRequest', 'ctl.password', 'The administrator of a site has the password site.admin_password: write another there, and leave --password-stdin out.')
  const { recover } = await import('@alto/keystone')
  await using store = await openStore(flags)
  if (store.sitePassword === undefined) throw new Fault('badRequest', 'ctl.password', 'The configuration names no site.admin_password.')
  await recover({ ...store, clock: systemClock, ids: systemIds }, store.sitePassword)
  return 'The user admin has its roles, and the password site.admin_password.'
}

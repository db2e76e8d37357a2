// Keystone's rows and keys, as commands reach them that need no running cloud.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { keystoneOptions, Tables } from '@alto/keystone'
import { systemClock } from '@alto/kit/clock'
import { loadConfig, type Values } from '@alto/kit/config'
import { migrate, openSqlite, type Database } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import { configText, withCloud, type CloudFlags } from './data.ts'

/** What `withStore` gives. */
export interface StoreFlags extends CloudFlags { db?: string }

/** Where Keystone keeps what it knows. */
export interface IdentityStore {
  db: Database<Tables>
  /** The directory of the keys' directories. */
  keys: string
  options: Values<typeof keystoneOptions>
  /** The password that a site gives its administrator at every start; a data directory keeps its own. */
  sitePassword: string | undefined
  [Symbol.asyncDispose](): Promise<void>
}

/** Adds `--data`, `--config` and `--db`. */
export function withStore(command: Command): Command {
  return withCloud(command).option('--db <url>', 'the PostgreSQL server of a cloud in one process that was started with --db')
}

/** Opens it, beside a running cloud or without one. Throws Fault('notFound', 'ctl.noCloud') when there is none yet, and what configuration and database throw. */
export async function openStore(flags: StoreFlags): Promise<IdentityStore> {
  const found = flags.config === undefined ? await ofData(flags) : await ofSite(flags.config)
  const { migrations } = await import('@alto/keystone')
  await migrate(found.db, migrations, systemClock)
  return { ...found, [Symbol.asyncDispose]: () => found.db.close() }
}

async function ofData(flags: StoreFlags) {
  const { openServiceDatabase, sections } = await import('@alto/site')
  const [file, rows] = [join(flags.data, 'config.yaml'), join(flags.data, 'db', 'keystone.sqlite')]
  if (flags.db === undefined && !existsSync(rows)) throw new Fault('notFound', 'ctl.noCloud', `There are no users in ${resolve(flags.data)}: "./alto up" makes a cloud, --data DIR names another place, and --db the server of a cloud that was started with it.`)
  const { keystone } = loadConfig(sections, { file, text: existsSync(file) ? await readFile(file, 'utf8') : '', environment: process.env })
  const db = flags.db === undefined ? openSqlite<Tables>(rows) : await openServiceDatabase<Tables>({ url: flags.db, service: 'keystone', connections: 2 })
  return { db, keys: join(flags.data, 'keys'), options: keystone, sitePassword: undefined }
}

async function ofSite(config: string) {
  const [{ openServiceDatabase }, { sections }] = [await import('@alto/site'), await import('@alto/serve')]
  const { site, keystone } = loadConfig(sections, { file: config, text: await configText(config), environment: process.env })
  if (site.database === null) throw new Fault('badRequest', 'ctl.database', 'The configuration names no site.database: whoever has Keystone\'s rows needs it.')
  return { db: await openServiceDatabase<Tables>({ url: site.database, service: 'keystone', connections: 2 }), keys: join(site.data, 'keys'), options: keystone, sitePassword: site.adminPassword ?? undefined }
}

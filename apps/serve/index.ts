// One process of a larger site, with the roles that it is given: the same services as in apps/allinone on other wires.
// PostgreSQL instead of files, sockets instead of the in-memory dispatch, Keystone asked over its API instead of called.
// The roles here need no agent. Nova, Neutron and Cinder speak to agents, for which a bus between processes is needed that is not there yet.
import { hostname } from 'node:os'
import { livePolicy } from '@alto/allinone/policies'
import * as glance from '@alto/glance'
import * as keystone from '@alto/keystone'
import type { Clock } from '@alto/kit/clock'
import { loadConfig, type ConfigSource, type Values } from '@alto/kit/config'
import { migrate, openPostgres, type Database, type Migration } from '@alto/kit/db'
import { Fault, messageOf } from '@alto/kit/errors'
import { httpServer, networkFetch, type Authenticate, type HttpService } from '@alto/kit/http'
import type { Ids } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { remoteAuthenticator, restClient, serviceSession } from '@alto/kit/openstack'
import type { Rule } from '@alto/kit/policy'
import * as placement from '@alto/placement'
import { siteOptions } from './options.ts'

/** What a process can be. */
export const ROLES = ['keystone', 'placement', 'glance'] as const
export type Role = typeof ROLES[number]

/** The sections that a process reads of the site's file. */
export const sections = [siteOptions, keystone.declared.options, placement.declared.options, glance.declared.options] as const

/** How a process is started. */
export interface ServeOptions {
  roles: readonly Role[]
  config: ConfigSource
  log: Log
  clock: Clock
  ids: Ids
}

/** A running process of a site. */
export interface Served {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Starts the roles on one listener; resolves when it answers.
 * Throws Fault('badRequest', 'serve.missing') naming the option that a role needs, and what configuration, database and listener throw.
 */
export async function serve(opts: ServeOptions): Promise<Served> {
  const { log, clock, ids, roles } = opts
  const config = loadConfig(sections, opts.config)
  const { site } = config
  await using undo = new AsyncDisposableStack()

  const open = async <Tables>(service: string, migrations: readonly Migration[]): Promise<Database<Tables>> => {
    const db = await database<Tables>(needed(site.database, 'database', service), service)
    undo.defer(() => db.close())
    await migrate(db, migrations, clock)
    return db
  }
  const policy = async (service: string, rules: readonly Rule[]) => {
    const live = await livePolicy(`${site.data}/policy`, service, rules, { clock, log })
    undo.defer(() => live.stop())
    return () => live.current()
  }

  const services: HttpService[] = []
  let authenticate: Authenticate | undefined
  if (roles.includes('keystone')) {
    const identity = await keystone.keystoneService({
      clock, ids, db: await open<keystone.Tables>('keystone', keystone.migrations), keysDir: `${site.data}/keys/fernet`, options: config.keystone, enforcer: await policy('keystone', keystone.declared.rules),
    })
    await identity.bootstrap(firstUsers(site, roles))
    services.push(...identity.http)
    authenticate = identity.authenticate
  }
  const authenticateFor = (service: Role) => authenticate ?? remote(site, service, clock)
  if (roles.includes('placement')) {
    services.push(...placement.placementService({
      clock, ids, db: await open<placement.Tables>('placement', placement.migrations), options: config.placement, authenticate: authenticateFor('placement'), enforcer: await policy('placement', placement.declared.rules),
    }).http)
  }
  if (roles.includes('glance')) {
    services.push(...(await glance.glanceService({
      clock, ids, log, db: await open<glance.Tables>('glance', glance.migrations), options: config.glance, authenticate: authenticateFor('glance'), enforcer: await policy('glance', glance.declared.rules),
      store: await glance.fileStore(`${site.data}/images`), host: `${hostname()}/${site.listen}`,
    })).http)
  }

  const server = await httpServer({ services, log, ids, clock, publicUrl: site.publicUrl ?? undefined })
  undo.defer(() => server.close())
  const [, host = '127.0.0.1', port = '0'] = /^(.*):(\d+)$/.exec(site.listen) ?? []
  const bound = await server.listen({ host, port: Number(port) })
  const parts = undo.move()
  return { url: `http://${host}:${bound}`, stop: () => parts.disposeAsync() }
}

type Site = Values<typeof siteOptions>

function needed(value: string | null, name: string, role: string): string {
  if (value === null) throw new Fault('badRequest', 'serve.missing', `The role ${role} needs the option site.${name}.`)
  return value
}

async function database<Tables>(url: string, schema: string): Promise<Database<Tables>> {
  try {
    return await openPostgres<Tables>({ url, schema })
  } catch (cause) {
    throw new Fault('unavailable', 'serve.database', `The database of ${schema} cannot be used: ${messageOf(cause)}.`, { cause })
  }
}

/** Keystone in another process: its verdicts hold for a second at most. */
function remote(site: Site, service: Role, clock: Clock): Authenticate {
  const identity = needed(site.identityUrl, 'identity_url', service)
  const session = serviceSession({ name: service, password: needed(site.servicePassword, 'service_password', service) }, { fetch: networkFetch, identity, clock })
  return remoteAuthenticator(restClient('identity', identity, { fetch: networkFetch, session, clock }), clock)
}

function firstUsers(site: Site, roles: readonly Role[]): keystone.Bootstrap {
  const password = needed(site.servicePassword, 'service_password', 'keystone')
  const grants = ['admin', 'service'].map(role => ({ project: 'service', role }))
  const known = [
    { role: 'keystone', type: 'identity', name: 'keystone', description: 'Identity', url: '$(base)s/identity' }, { role: 'placement', type: 'placement', name: 'placement', description: 'Placement', url: '$(base)s/placement' },
    { role: 'glance', type: 'image', name: 'glance', description: 'Image', url: '$(base)s/image' },
  ] as const
  return {
    region: 'RegionOne', projects: ['admin', 'service'],
    users: [
      { name: 'admin', password: needed(site.adminPassword, 'admin_password', 'keystone'), system: 'admin', grants: [{ project: 'admin', role: 'admin' }] },
      ...['placement', 'glance'].map(name => ({ name, password, grants })),
    ],
    // Only what this process carries: the endpoints of others are made by whoever knows where they are.
    endpoints: known.filter(endpoint => roles.includes(endpoint.role)),
  }
}

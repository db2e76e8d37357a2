// The first users, roles and endpoints of a cloud, made when they are missing.
import type { Role } from '../model/roles/roles.ts'
import { DEFAULT_DOMAIN } from '../model/projects/projects.ts'
import * as assignments from '../store/roles/assignments.ts'
import * as endpoints from '../store/catalog/endpoints.ts'
import * as passwordRows from '../store/users/passwords.ts'
import * as projects from '../store/projects/projects.ts'
import * as regions from '../store/catalog/regions.ts'
import * as roles from '../store/roles/roles.ts'
import * as services from '../store/catalog/services.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users/users.ts'
import type { Deps } from './deps.ts'

/** What a new cloud begins with. Passwords of users that are there already are set anew. */
export interface Bootstrap {
  /** Undefined: none is made. */
  region: string | undefined
  /** Their passwords, most of them long and random: those are hashed at the lowest cost, since no dictionary has them (`cheapWhenLong`). */
  users: readonly { name: string, password: string, grants: readonly { project: string, role: string }[], system?: string }[]
  projects: readonly string[]
  /** URLs with `$(base)s` for the listener's own. */
  endpoints: readonly { type: string, name: string, description: string, url: string }[]
}

const ROLES = ['admin', 'manager', 'member', 'reader', 'service'] as const

/** Of services: nobody is there to change their passwords, which are long and random, and no stranger's failed logins may stop the cloud. */
const EXEMPT = { ignore_change_password_upon_first_use: true, ignore_password_expiry: true, ignore_lockout_failure_attempts: true, ignore_user_inactivity: true }

/** What the bootstrap needs of Keystone's surroundings. */
export type BootstrapDeps = Pick<Deps, 'db' | 'clock' | 'ids' | 'passwords' | 'changed'>

/** Makes what is missing; everything is in the default domain. */
export async function bootstrap(deps: BootstrapDeps, wanted: Bootstrap): Promise<void> {
  const { db, ids, clock, passwords } = deps
  const stored = await db.read(tx => Promise.all(wanted.users.map(async u => {
    const user = await users.findByName(tx, DEFAULT_DOMAIN, u.name)
    return user ? (await passwordRows.find(tx, user.id))?.hash ?? null : null
  })))
  const hashes = await Promise.all(wanted.users.map(async (u, i) => stored[i] && await passwords.matches(u.password, stored[i]) ? stored[i] : passwords.hash(u.password)))

  await db.write(async tx => {
    await deps.changed(tx)                                // of two controllers that start at once the second waits, and finds everything there
    if (!await projects.find(tx, DEFAULT_DOMAIN)) await projects.insert(tx, blankProject({ id: DEFAULT_DOMAIN, name: 'Default', domainId: null, isDomain: true, description: 'The default domain' }))
    const role = await ensureRoles(tx, () => ids.hex())
    for (const name of wanted.projects) {
      if (!await projects.findByName(tx, DEFAULT_DOMAIN, name)) await projects.insert(tx, blankProject({ id: ids.hex(), name, domainId: DEFAULT_DOMAIN, isDomain: false, description: '' }))
    }
    for (const [i, u] of wanted.users.entries()) {
      const there = await users.findByName(tx, DEFAULT_DOMAIN, u.name)
      const id = there?.id ?? ids.hex()
      const now = clock.now()
      const options = u.grants.some(grant => grant.role === 'service') ? EXEMPT : {}
      if (!there) await users.insert(tx, { id, name: u.name, domainId: DEFAULT_DOMAIN, enabled: true, defaultProjectId: null, options, extra: {}, tokensFrom: 0, passwordExpiresAt: null, activeAt: now })
      else if (Object.keys(options).some(name => !(name in there.options))) await users.update(tx, { ...there, options: { ...options, ...there.options } })
      if (hashes[i] !== stored[i]) await passwordRows.insert(tx, id, { hash: hashes[i]!, createdAt: now, expiresAt: null, selfService: false }, { tokensFrom: there ? now : 0, keep: 0 })
      const actor = { kind: 'user' as const, id }
      for (const grant of u.grants) {
        const project = await projects.findByName(tx, DEFAULT_DOMAIN, grant.project)
        await assignments.insert(tx, { roleId: role(grant.role).id, actor, target: { kind: 'project', id: project!.id }, inherited: false })
      }
      if (u.system !== undefined) await assignments.insert(tx, { roleId: role(u.system).id, actor, target: { kind: 'system', id: 'all' }, inherited: false })
    }
    await ensureCatalog(tx, wanted, () => ids.hex())
  })
}

function blankProject(p: { id: string, name: string, domainId: string | null, isDomain: boolean, description: string }) {
  return { ...p, parentId: p.domainId, enabled: true, options: {}, tags: [], extra: {} }
}

/** admin brings manager, manager member, member reader. */
async function ensureRoles(tx: Tx, newId: () => string): Promise<(name: string) => Role> {
  for (const name of ROLES) {
    if ((await roles.list(tx, { name, domainId: null })).length === 0) await roles.insert(tx, { id: newId(), name, domainId: null, description: null, options: { immutable: true }, extra: {} })
  }
  const all = new Map((await roles.list(tx, { domainId: null })).map(r => [r.name, r]))
  const role = (name: string) => all.get(name) ?? (() => { throw new Error(`there is no role ${name}`) })()
  for (const [prior, implied] of [['admin', 'manager'], ['manager', 'member'], ['member', 'reader']] as const) await roles.imply(tx, { priorId: role(prior).id, impliedId: role(implied).id })
  return role
}

async function ensureCatalog(tx: Tx, wanted: Bootstrap, newId: () => string): Promise<void> {
  if (wanted.region !== undefined && !await regions.find(tx, wanted.region)) await regions.insert(tx, { id: wanted.region, description: '', parentId: null, extra: {} })
  for (const e of wanted.endpoints) {
    const service = (await services.list(tx, { type: e.type, name: e.name }))[0] ?? { id: newId(), type: e.type, name: e.name, description: e.description, enabled: true, extra: {} }
    if ((await services.list(tx, { type: e.type, name: e.name })).length === 0) await services.insert(tx, service)
    const present = await endpoints.list(tx, { serviceId: service.id })
    for (const side of ['public', 'internal', 'admin'] as const) {
      const there = present.find(p => p.interface === side)
      if (!there) await endpoints.insert(tx, { id: newId(), serviceId: service.id, interface: side, regionId: wanted.region ?? null, url: e.url, enabled: true, extra: {} })
      else if (there.url !== e.url && there.url.startsWith('$(base)s')) await endpoints.update(tx, { ...there, url: e.url })
    }
  }
}

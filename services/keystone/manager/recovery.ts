// The way back in: an administrator that can log in, whatever happened to the one that there was.
import { DEFAULT_DOMAIN, type Project } from '../model/projects/projects.ts'
import * as passwordRows from '../store/users/passwords.ts'
import * as projects from '../store/projects/projects.ts'
import * as users from '../store/users/users.ts'
import { bootstrap, type BootstrapDeps } from './bootstrap.ts'

const IN_THE_WAY = ['multi_factor_auth_rules', 'multi_factor_auth_enabled']

/**
 * Makes the user admin of the default domain what it was at the first start, with this password: there, enabled, in enabled surroundings, with the role admin in its
 * project and on the system, not locked, and without rules that ask for a second proof. Its tokens end. It needs no running cloud, and does not disturb one.
 */
export async function recoverAdmin(deps: BootstrapDeps, password: string): Promise<void> {
  await bootstrap(deps, { region: undefined, projects: ['admin'], endpoints: [], users: [{ name: 'admin', password, system: 'admin', grants: [{ project: 'admin', role: 'admin' }] }] })
  await deps.db.write(async tx => {
    await deps.changed(tx)
    const enable = async (project: Project | undefined) => { if (project && !project.enabled) await projects.update(tx, { ...project, enabled: true }) }
    await enable(await projects.find(tx, DEFAULT_DOMAIN))
    await enable(await projects.findByName(tx, DEFAULT_DOMAIN, 'admin'))
    const admin = (await users.findByName(tx, DEFAULT_DOMAIN, 'admin'))!
    const now = deps.clock.now()
    await users.update(tx, { ...admin, enabled: true, activeAt: now, tokensFrom: now, options: Object.fromEntries(Object.entries(admin.options).filter(([name]) => !IN_THE_WAY.includes(name))) })
    await passwordRows.clearFailures(tx, admin.id)
  })
}

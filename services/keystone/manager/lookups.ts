// Who and what a caller means by an id, or by a name in a domain.
import { unauthorized } from '../model/faults.ts'
import { isInactive } from '../model/users/passwords.ts'
import { DEFAULT_DOMAIN, type Project } from '../model/projects/projects.ts'
import type { User } from '../model/users/users.ts'
import * as projects from '../store/projects/projects.ts'
import type { Tx } from '../store/tables.ts'
import * as users from '../store/users/users.ts'
import type { Deps } from './deps.ts'
import type { Named } from './methods/method.ts'

/** The user, or undefined. */
export async function findUser(tx: Tx, asked: Named): Promise<User | undefined> {
  if (asked.id !== undefined) return users.find(tx, asked.id)
  const domain = await findDomain(tx, asked.domain)
  return domain && asked.name !== undefined ? users.findByName(tx, domain.id, asked.name) : undefined
}

/** The domain, the default one when nothing is named; undefined when it is none. */
export async function findDomain(tx: Tx, asked: Named['domain']): Promise<Project | undefined> {
  const found = asked?.id !== undefined ? await projects.find(tx, asked.id) : asked?.name !== undefined ? await projects.findByName(tx, null, asked.name) : await projects.find(tx, DEFAULT_DOMAIN)
  return found?.isDomain ? found : undefined
}

/** The project, or undefined. */
export async function findProject(tx: Tx, asked: Named): Promise<Project | undefined> {
  if (asked.id !== undefined) return projects.find(tx, asked.id)
  const domain = await findDomain(tx, asked.domain)
  return domain && asked.name !== undefined ? projects.findByName(tx, domain.id, asked.name) : undefined
}

/** The user, who has to be enabled, as its domain, and to have been there of late where that matters. Throws Fault('unauthenticated', 'keystone.unauthorized') otherwise. */
export async function usableUser(tx: Tx, userId: string, { clock, options }: Pick<Deps, 'clock' | 'options'>): Promise<User> {
  const user = await users.find(tx, userId)
  if (!user?.enabled || isInactive(user, options, clock.now()) || !(await projects.find(tx, user.domainId))?.enabled) throw unauthorized(`user ${userId} or its domain is disabled or gone`)
  return user
}

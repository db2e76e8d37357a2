// The question "who is this user there?", as the command line asks it of a running process.
import type { Named, Scope } from '@alto/keystone'

/** What is asked: names; domains are the default one where none is named. */
export interface StandingQuestion {
  user: string
  userDomain?: string | undefined
  /** One of the three: a project, a domain, or the system. */
  project?: string | undefined
  projectDomain?: string | undefined
  domain?: string | undefined
  system?: boolean | undefined
}

/** The user and the scope that are meant by what came over the control socket. */
export function standingAsked(input: Readonly<Record<string, unknown>>): [Named, Scope] {
  const text = (name: keyof StandingQuestion) => typeof input[name] === 'string' ? input[name] : undefined
  const within = (name: string | undefined) => name === undefined ? {} : { domain: { name } }
  const user = { name: text('user') ?? '', ...within(text('userDomain')) }
  const domain = text('domain')
  if (input['system'] === true) return [user, { system: true }]
  if (domain !== undefined) return [user, { domain: { name: domain } }]
  return [user, { project: { name: text('project') ?? '', ...within(text('projectDomain')) } }]
}

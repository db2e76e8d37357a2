// Who delegates and who acts for them, in tests: alice with roles in a project, bob, carol and dave without any, all made by the admin.
import assert from 'node:assert/strict'
import type { Answer, Cloud } from './cloud.ts'

/** What somebody says to have a token. */
export interface Identity { methods: string[], [method: string]: unknown }

/** Alice with `roles` in a project of her own, and her helpers. */
export async function delegates(cloud: Cloud, roles: readonly string[] = ['member']) {
  const { token: admin } = await cloud.login('admin')
  const asAdmin = async (method: string, path: string, body?: unknown) => {
    const answer = await cloud.ask(method, path, { token: admin, body })
    assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const roleIds = new Map<string, string>((await asAdmin('GET', '/v3/roles')).roles.map((r: { name: string, id: string }) => [r.name, r.id]))
  const project = (await asAdmin('POST', '/v3/projects', { project: { name: 'studio', domain_id: 'default' } })).project.id as string
  const people: Record<string, string> = {}
  for (const name of ['alice', 'bob', 'carol', 'dave']) people[name] = (await asAdmin('POST', '/v3/users', { user: { name, domain_id: 'default', password: `${name}-secret` } })).user.id
  const { alice, bob, carol, dave } = people as { alice: string, bob: string, carol: string, dave: string }

  const role = (name: string) => roleIds.get(name) ?? assert.fail(`no role ${name}`)
  const grant = (method: 'PUT' | 'DELETE', user: string, name: string, where = project) => asAdmin(method, `/v3/projects/${where}/users/${user}/roles/${role(name)}`)
  for (const name of roles) await grant('PUT', alice, name)

  const authenticate = async (identity: Identity, scope?: unknown): Promise<Answer & { token: string }> => {
    const answer = await cloud.ask('POST', '/v3/auth/tokens', { body: { auth: { identity, ...(scope !== undefined && { scope }) } } })
    return { ...answer, token: answer.headers['x-subject-token'] ?? '' }
  }
  const byPassword = (name: string): Identity => ({ methods: ['password'], password: { user: { name, domain: { id: 'default' }, password: `${name}-secret` } } })

  return {
    project, alice, bob, carol, dave, asAdmin, role, grant, authenticate, byPassword, admin,
    /** A token of the person for a scope; alice's is for her project when none is given. */
    async tokenOf(name: string, scope: unknown = name === 'alice' ? { project: { id: project } } : 'unscoped'): Promise<string> {
      const answer = await authenticate(byPassword(name), scope)
      assert.equal(answer.status, 201, JSON.stringify(answer.body))
      return answer.token
    },
    /** A trust of alice's for bob, by `token`, with what is given beside the usual. */
    trust: (token: string, given: Record<string, unknown> = {}) => cloud.ask('POST', '/v3/OS-TRUST/trusts', {
      token, body: { trust: { trustor_user_id: alice, trustee_user_id: bob, project_id: project, impersonation: false, roles: [{ name: 'member' }], ...given } },
    }),
    byTrust: (name: string, id: string) => authenticate(byPassword(name), { 'OS-TRUST:trust': { id } }),
    /** An application credential of alice's. */
    credential: (token: string, given: Record<string, unknown> = {}) => cloud.ask('POST', `/v3/users/${alice}/application_credentials`, { token, body: { application_credential: { name: 'robot', ...given } } }),
    byCredential: ({ id, secret }: { id: string, secret: string }, scope?: unknown) => authenticate({ methods: ['application_credential'], application_credential: { id, secret } }, scope),
    /** 200 while the token is valid, 404 when it has ended. */
    worth: async (token: string) => (await cloud.ask('GET', '/v3/auth/tokens', { token: (await cloud.login('admin')).token, headers: { 'x-subject-token': token, 'openstack-identity-access-rules': '1' } })).status,
  }
}

/** The names of the roles that a token's body shows. */
export const rolesIn = (body: { token: { roles?: readonly { name: string }[] } }): string[] => (body.token.roles ?? []).map(r => r.name).toSorted()

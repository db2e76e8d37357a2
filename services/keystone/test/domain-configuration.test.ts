// Domains' configurations through the API: what is asked and what upstream answers, in one story.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { keystoneAlone } from './cloud.ts'

const refusal = (why: string) => `Invalid domain specific configuration: ${why}.`

async function withDomain(options = {}) {
  const cloud = await keystoneAlone({ options })
  const { token } = await cloud.login('admin')
  const { body: { domain } } = await cloud.ask('POST', '/v3/domains', { token, body: { domain: { name: 'acme' } } })
  const path = `/v3/domains/${domain.id}/config`
  const ask = async (method: string, below: string, config?: unknown) => {
    const { status, body } = await cloud.ask(method, path + below, { token, ...(config !== undefined && { body: { config } }) })
    return { status, said: body?.config ?? body?.error?.message.replace(domain.id, 'ID') }
  }
  return Object.assign(cloud, { domain, token, configuration: ask })
}

test('a domain\'s configuration is put, shown, changed and removed, whole or in parts', async () => {
  await using cloud = await withDomain()
  const none = (what: string) => `Could not find ${what} in domain configuration for domain ID.`
  for (const [method, below, config, status, said] of [
    ['GET', '', undefined, 404, none('any options')],
    ['DELETE', '', undefined, 204, undefined],
    ['PATCH', '', { identity: { driver: 'sql' } }, 200, { identity: { driver: 'sql' } }],
    ['GET', '/identity/driver', undefined, 200, { driver: 'sql' }],
    ['PUT', '', { ldap: { url: 'ldap://h', password: 'secret', page_size: 5 }, identity: { driver: 'ldap' } }, 200, { identity: { driver: 'ldap' }, ldap: { page_size: 5, url: 'ldap://h' } }],
    ['GET', '', undefined, 200, { identity: { driver: 'ldap' }, ldap: { page_size: 5, url: 'ldap://h' } }],
    ['GET', '/ldap', undefined, 200, { ldap: { page_size: 5, url: 'ldap://h' } }],
    ['GET', '/ldap/password', undefined, 404, none('option password in group ldap')],
    ['GET', '/identity/list_limit', undefined, 404, none('option list_limit in group identity')],
    ['PUT', '', { ldap: { url: 'ldap://i' } }, 200, { ldap: { url: 'ldap://i' } }],
    ['PATCH', '/ldap', { ldap: { url: 'ldap://j', suffix: 'x' } }, 200, { ldap: { suffix: 'x', url: 'ldap://j' } }],
    ['PATCH', '/ldap/url', { url: 'ldap://k' }, 200, { ldap: { suffix: 'x', url: 'ldap://k' } }],
    ['PATCH', '/ldap/page_size', { page_size: 1 }, 404, none('option page_size in group ldap')],
    ['PATCH', '/identity', { identity: { driver: 'sql' } }, 404, none('group identity')],
    ['DELETE', '/ldap/suffix', undefined, 204, undefined],
    ['DELETE', '/ldap/suffix', undefined, 404, none('option suffix in group ldap')],
    ['DELETE', '/ldap', undefined, 204, undefined],
    ['DELETE', '/ldap', undefined, 404, none('group ldap')],
    ['PUT', '', { ldap: { password: 'secret' } }, 201, {}],
    ['GET', '', undefined, 404, none('any options')],
  ] as const) assert.deepEqual(await cloud.configuration(method, below, config), { status, said }, `${method} ${below} ${JSON.stringify(config)}`)
})

test('a configuration holds groups and options that upstream knows, and what is asked about is what is sent', async () => {
  await using cloud = await withDomain()
  await cloud.configuration('PUT', '', { ldap: { url: 'ldap://h' } })
  const [noGroup, noOption] = ['Group colours is not supported for domain specific configurations', 'Option colour in group ldap is not supported for domain specific configurations']
  const dictionary = 'The value of group ldap specified in the config should be a dictionary of options'
  for (const [method, below, config, why] of [
    ['PUT', '', {}, 'No options specified'], ['PUT', '', [], 'No options specified'], ['PATCH', '', null, 'No options specified'],
    ['PUT', '', { colours: { red: 1 } }, noGroup], ['PUT', '', { ldap: { colour: 1 } }, noOption], ['PUT', '', { ldap: {} }, dictionary], ['PUT', '', { ldap: 'x' }, dictionary],
    ['GET', '/colours', undefined, noGroup], ['GET', '/ldap/colour', undefined, noOption], ['DELETE', '/colours', undefined, noGroup], ['DELETE', '/ldap/colour', undefined, noOption],
    ['PATCH', '/ldap', { identity: { driver: 'sql' } }, 'request to update group ldap, but config provided contains group identity instead'],
    ['PATCH', '/ldap', { ldap: { url: 'x' }, identity: { driver: 'sql' } }, 'Trying to update group ldap, so that, and only that, group must be specified in the config'],
    ['PATCH', '/ldap/url', { suffix: 'x' }, 'Trying to update option url in group ldap, but config provided contains option suffix instead'],
    ['PATCH', '/ldap/url', { url: 'x', suffix: 'x' }, 'Trying to update option url in group ldap, so that, and only that, option must be specified  in the config'],
    ['PATCH', '/security_compliance', { security_compliance: { password_regex: 'x' } }, 'Group security_compliance is not supported for domain specific configurations'],
    ['DELETE', '/security_compliance/password_regex', undefined, 'Group security_compliance is not supported for domain specific configurations'],
  ] as const) assert.deepEqual(await cloud.configuration(method, below, config), { status: 403, said: refusal(why) }, `${method} ${below} ${JSON.stringify(config)}`)
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const { status, body } = await cloud.ask(method, '/v3/domains/none/config', { token: cloud.token, ...(method !== 'DELETE' && { body: { config: { ldap: { url: 'x' } } } }) })
    assert.deepEqual([status, body.error.message], [404, 'Could not find domain: none.'])
  }
})

test('the defaults are upstream\'s, the sensitive ones apart', async () => {
  await using cloud = await withDomain()
  const get = async (path: string) => (await cloud.ask('GET', `/v3/domains/config${path}/default`, { token: cloud.token })).body
  assert.deepEqual(await get('/identity'), { config: { identity: { driver: 'sql', list_limit: null } } })
  assert.deepEqual(await get('/ldap/url'), { config: { url: 'ldap://localhost' } })
  assert.deepEqual(Object.keys((await get('')).config), ['identity', 'ldap'])
  assert.equal(Object.keys((await get('/ldap')).config.ldap).length, 49)
  assert.equal((await get('/ldap/password')).error.message, refusal('Reading the default for option password in group ldap is not supported'))
  assert.equal((await get('/colours')).error.message, refusal('Group colours is not supported for domain specific configurations'))
})

test('every user may read what passwords must be like, and nothing else of configurations', async () => {
  await using cloud = await withDomain({ passwordRegex: '.{5}', passwordRegexDescription: 'five' })
  const { token } = await cloud.login('demo')
  const get = async (path: string) => {
    const { status, body } = await cloud.ask('GET', `/v3/domains/${path}`, { token })
    return [status, body.config ?? body.error.message]
  }
  assert.deepEqual(await get('default/config/security_compliance'), [200, { security_compliance: { password_regex: '.{5}', password_regex_description: 'five' } }])
  assert.deepEqual(await get('default/config/security_compliance/password_regex_description'), [200, { password_regex_description: 'five' }])
  assert.deepEqual(await get('default/config/security_compliance/lockout_duration'), [403, refusal('Reading security compliance values other than password_regex and password_regex_description is not allowed.')])
  assert.deepEqual(await get(`${cloud.domain.id}/config/security_compliance`), [403, refusal('Reading security compliance information for any domain other than the default domain is not allowed or supported.')])
  for (const [path, rule] of [['default/config', 'get_domain_config'], ['default/config/ldap/url', 'get_domain_config'], ['config/default', 'get_domain_config_default']] as const) {
    assert.deepEqual(await get(path), [403, `You are not authorized to perform the requested action: identity:${rule}.`])
  }
})

test('a configuration goes with its domain', async () => {
  await using cloud = await withDomain()
  await cloud.configuration('PUT', '', { ldap: { url: 'ldap://h' } })
  const path = `/v3/domains/${cloud.domain.id}`
  assert.equal((await cloud.ask('PATCH', path, { token: cloud.token, body: { domain: { enabled: false } } })).status, 200)
  assert.equal((await cloud.ask('DELETE', path, { token: cloud.token })).status, 204)
})

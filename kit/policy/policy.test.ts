// The policy language and the enforcer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../errors/index.ts'
import { checkText, enforcer, parseCheck, policySet, rule, samplePolicy, type Check, type Credentials, type PolicyOptions, type Rule, type Target } from './index.ts'

const member: Credentials = { userId: 'u1', userDomainId: 'default', projectId: 'p1', projectDomainId: 'default', roles: ['member', 'reader'] }
const admin: Credentials = { ...member, userId: 'u0', roles: ['admin'] }
const systemReader: Credentials = { userId: 'u2', userDomainId: 'default', systemScope: 'all', roles: ['reader'] }
const domainManager: Credentials = { userId: 'u3', userDomainId: 'd1', domainId: 'd1', roles: ['manager'], token: { domain: { id: 'd1' }, roles: [{ id: 'r1' }, { id: 'r2' }] } }

function passes(check: string, credentials: Credentials, target: Target = {}): boolean {
  return enforcer(policySet([{ name: 'it', check, description: '' }])).allowed('it', credentials, target).allowed
}

function may(rules: readonly Rule[], options: PolicyOptions = {}) {
  const set = policySet(rules, options)
  return (name: string, credentials: Credentials, target: Target = {}) => enforcer(set).allowed(name, credentials, target).allowed
}

test('an empty check and "@" let everybody pass, "!" nobody', () => {
  assert.deepEqual(['', '@', '!', '  '].map(check => passes(check, member)), [true, true, false, true])
})

test('"and" binds tighter than "or", "not" tightest, parentheses group, words may be in capitals', () => {
  assert.equal(passes('role:member or role:admin and role:nobody', member), true)
  assert.equal(passes('(role:member or role:admin) and role:nobody', member), false)
  assert.equal(passes('not role:admin and role:member', member), true)
  assert.equal(passes('NOT (role:admin OR role:nobody) AND ((role:reader))', member), true)
  assert.equal(passes('not not role:member', member), true)
})

test('roles are compared without regard to case', () => {
  assert.equal(passes('role:Admin', { ...member, roles: ['aDMIN'] }), true)
  assert.equal(passes('role:%(wanted)s', member, { wanted: 'Member' }), true)
})

test('a check on the target compares with the credential of that name, under its old and new names', () => {
  for (const check of ['project_id:%(project_id)s', 'tenant_id:%(project_id)s', 'project_id:%(network:project_id)s', 'project_id:%(target.project.id)s']) {
    assert.equal(passes(check, member, { project_id: 'p1', 'network:project_id': 'p1', 'target.project.id': 'p1' }), true, check)
    assert.equal(passes(check, member, { project_id: 'p2', 'network:project_id': 'p2', 'target.project.id': 'p2' }), false, check)
  }
  assert.equal(passes('user_id:u1', member), true)
})

test('a target that lacks the attribute is refused, also for a caller without that credential', () => {
  assert.equal(passes('project_id:%(project_id)s', member), false)
  assert.equal(passes('project_id:%(project_id)s', systemReader), false)
})

test('targets may be nested, and attributes of the token are found along the dots and in lists', () => {
  assert.equal(passes('domain_id:%(target.user.domain_id)s', domainManager, { target: { user: { domain_id: 'd1' } } }), true)
  assert.equal(passes('token.domain.id:%(target.domain.id)s', domainManager, { target: { domain: { id: 'd1' } } }), true)
  assert.equal(passes('token.roles.id:r2', domainManager), true)
  assert.equal(passes('token.roles.id:r3', domainManager), false)
  assert.equal(passes('token.domain.id:d1', member), false)
})

test('names of the language\'s own objects are not attributes of a target or a token', () => {
  assert.equal(passes('user_id:%(constructor.name)s', { ...member, userId: 'Object' }, {}), false)
  assert.equal(passes('roles.length:2', member), false)
})

test('literals, None, True and numbers compare with the target', () => {
  assert.equal(passes('\'public\':%(visibility)s', member, { visibility: 'public' }), true)
  assert.equal(passes('\'a:b\':%(visibility)s', member, { visibility: 'a:b' }), true)
  assert.equal(passes('None:%(target.role.domain_id)s', member, { 'target.role.domain_id': null }), true)
  assert.equal(passes('None:%(target.role.domain_id)s', member, {}), false)
  assert.equal(passes('True:%(shared)s', member, { shared: true }), true)
  assert.equal(passes('\'False\':%(shared)s', member, { shared: false }), true)
  assert.equal(passes('domain_id:None', member), true)
})

test('is_admin follows the service\'s own context_is_admin rule', () => {
  const rules = [rule({ name: 'context_is_admin', check: 'role:admin', description: '' }), rule({ name: 'it', check: 'is_admin:True', description: '' })]
  assert.equal(may(rules)('it', admin), true)
  assert.equal(may(rules)('it', member), false)
  assert.equal(may(rules, { overrides: [{ file: 'nova.yaml', text: 'context_is_admin: role:member' }] })('it', member), true)
  assert.equal(passes('is_admin:1', admin), false)
})

test('system scope is seen, and a rule for projects refuses a system token although its check would pass', () => {
  assert.equal(passes('role:reader and system_scope:all', systemReader), true)
  const rules = [rule({ name: 'it', check: 'role:reader', scopes: ['project'], description: '' })]
  const decision = enforcer(policySet(rules)).allowed('it', systemReader)
  assert.deepEqual([decision.allowed, decision.why], [false, 'it is for tokens of scope project, this one\'s is system'])
  assert.equal(may(rules, { enforceScope: false })('it', systemReader), true)
  assert.equal(may(rules)('it', member), true)
})

test('the legacy check passes only when the new defaults are turned off', () => {
  const rules = [rule({ name: 'it', check: 'role:admin', legacy: 'project_id:%(project_id)s', description: '' })]
  assert.equal(may(rules)('it', member, { project_id: 'p1' }), false)
  assert.equal(may(rules, { enforceNewDefaults: false })('it', member, { project_id: 'p1' }), true)
  assert.equal(may(rules, { enforceNewDefaults: false, overrides: [{ file: 'a.yaml', text: 'it: role:admin' }] })('it', member, { project_id: 'p1' }), false)
})

test('of several files a later one wins, and a former name that is still a rule is honoured without a word', () => {
  const rules = [rule({ name: 'it', check: '!', description: '' }), rule({ name: 'it:more', formerly: 'it', check: '!', description: '' })]
  const set = policySet(rules, { overrides: [{ file: 'a.yaml', text: 'it: role:admin' }, { file: 'b.yaml', text: 'it: role:member' }] })
  assert.deepEqual(['it', 'it:more'].map(name => enforcer(set).allowed(name, member).allowed), [true, true])
  assert.deepEqual(set.warnings, [])
})

test('an operator\'s file overrides defaults, in YAML or JSON, in text or the old list form', () => {
  const rules = [rule({ name: 'base', check: 'role:admin', description: '' }), rule({ name: 'it', check: 'rule:base', description: '' })]
  assert.equal(may(rules, { overrides: [{ file: 'p.yaml', text: '# nothing' }] })('it', member), false)
  assert.equal(may(rules, { overrides: [{ file: 'p.yaml', text: '"base": "role:member"' }] })('it', member), true)
  const json = { file: 'policy.json', text: '{"it": [["role:nobody"], ["role:member", "user_id:u1"]]}' }
  assert.equal(may(rules, { overrides: [json] })('it', member), true)
  assert.deepEqual(policySet(rules, { overrides: [json] }).warnings, ['policy.json: policy files in JSON are deprecated; write it as YAML'])
})

test('an override under a rule\'s former name counts for the rule, with a warning', () => {
  const set = policySet([rule({ name: 'new', formerly: 'old', check: 'role:admin', description: '' })], { overrides: [{ file: 'p.yaml', text: 'old: role:member' }] })
  assert.equal(enforcer(set).allowed('new', member).allowed, true)
  assert.deepEqual(set.warnings, ['p.yaml: old is now called new; the override is used under the new name'])
})

test('unknown names and missing references are warnings; a reference to nothing refuses', () => {
  const set = policySet([rule({ name: 'it', check: 'role:admin', description: '' })], { overrides: [{ file: 'p.yaml', text: 'it: rule:gone or rule:mine\nmine: role:nobody\nelse: "@"' }] })
  assert.deepEqual(set.warnings, ['p.yaml: else is not a rule of this service, and no rule refers to it', 'p.yaml: it refers to rule:gone, which does not exist; that part refuses'])
  assert.equal(enforcer(set).allowed('it', admin).allowed, false)
})

test('a bad expression is an error that names its file and rule', () => {
  const said = (text: string): string => {
    try {
      policySet([rule({ name: 'it', check: '', description: '' })], { overrides: [{ file: 'p.yaml', text }] })
      return 'accepted'
    } catch (error) {
      assert.ok(isFault(error))
      return error.message
    }
  }
  assert.equal(said('it: "role:admin or"'), 'p.yaml: it: "role:admin or" ends where a check should follow')
  assert.equal(said('it: "(role:admin"'), 'p.yaml: it: "(role:admin" has a parenthesis that is not closed')
  assert.equal(said('it: "role:admin)"'), 'p.yaml: it: "role:admin)" has ")" where "and" or "or" should stand')
  assert.equal(said('it: "role:a role:b"'), 'p.yaml: it: "role:a role:b" has "role:b" where "and" or "or" should stand')
  assert.equal(said('it: "and role:b"'), 'p.yaml: it: "and role:b" has "and" where a check should stand')
  assert.equal(said('it: admin'), 'p.yaml: it: "admin" is not a check: write kind:match, as in role:admin')
  assert.equal(said('it: "project_id:%(project_id)"'), 'p.yaml: it: "project_id:%(project_id" has a "%" that is not %(name)s')
  assert.equal(said('it: 3'), 'p.yaml: it: a check is text or a list, not number')
  assert.equal(said('it: http://policy.example/it'), 'p.yaml: it: "http://policy.example/it" would ask another server at every request; such checks are not supported')
  assert.equal(said('a: rule:b\nb: "rule:a"'), 'p.yaml: these rules refer to each other in a circle: a, b, a')
  assert.match(said('[1, 2]'), /^p\.yaml: a policy file is a check for each rule name/)
  assert.match(said('it: "role'), /^p\.yaml: not YAML: /)
})

test('a refusal says which part failed and what was found', () => {
  const rules = [
    rule({ name: 'member_or_admin', check: 'rule:admin_api or (role:member and project_id:%(project_id)s)', description: '' }),
    rule({ name: 'admin_api', check: 'role:admin', description: '' }),
    rule({ name: 'other', check: 'not role:member', description: '' }),
  ]
  const ask = enforcer(policySet(rules))
  assert.equal(ask.allowed('member_or_admin', member, { project_id: 'p2' }).why,
    'member_or_admin refuses: rule:admin_api (role:admin (roles are member, reader)); project_id:%(project_id)s (project_id is p1, wanted p2)')
  assert.equal(ask.allowed('member_or_admin', member).why,
    'member_or_admin refuses: rule:admin_api (role:admin (roles are member, reader)); project_id:%(project_id)s (the target has no project_id)')
  assert.equal(ask.allowed('other', member).why, 'other refuses: role:member holds')
  assert.deepEqual(ask.allowed('other', admin), { allowed: true, why: '' })
})

test('a service can add a kind of check', () => {
  const set = policySet([rule({ name: 'shared', check: 'field:networks:shared=True', description: '' })])
  const ask = enforcer(set, { field: match => ({ target }) => match === 'networks:shared=True' && target['shared'] === true })
  assert.equal(ask.allowed('shared', member, { shared: true }).allowed, true)
  assert.equal(ask.allowed('shared', member, { shared: false }).allowed, false)
})

test('asking for a rule that does not exist is a bug, not an answer', () => {
  assert.throws(() => enforcer(policySet([])).allowed('nothing', admin), /no policy rule is called nothing/)
})

test('a check written out and read again means the same', () => {
  const leaf = fc.oneof(
    fc.constantFrom<Check>({ is: 'always' }, { is: 'never' }),
    fc.record({ is: fc.constant('match' as const), kind: fc.constantFrom('role', 'project_id', '\'x\''), match: fc.constantFrom('member', '%(project_id)s', 'x') }),
  )
  const { tree } = fc.letrec<{ tree: Check }>(tie => ({
    tree: fc.oneof({ depthSize: 'small' }, leaf,
      fc.record({ is: fc.constant('not' as const), part: tie('tree') }),
      fc.record({ is: fc.constantFrom('and' as const, 'or' as const), parts: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) })),
  }))
  fc.assert(fc.property(tree, check => {
    assert.equal(passes(checkText(check), member, { project_id: 'p1' }), passes(checkText(parseCheck(checkText(check))), member, { project_id: 'p1' }))
    assert.equal(checkText(parseCheck(checkText(check))), checkText(check))
  }))
})

test('the sample lists every rule commented out, with its default, scopes and legacy check', () => {
  assert.equal(samplePolicy([rule({ name: 'os_compute_api:servers:show', check: 'role:reader', legacy: 'role:admin', scopes: ['project'], operations: ['GET /servers/{server_id}'], description: 'Show a server.' })]),
    '# Show a server.\n# GET /servers/{server_id}\n# Scopes of tokens: project\n# With the new defaults turned off, this passes too: "role:admin"\n#"os_compute_api:servers:show": "role:reader"\n')
})

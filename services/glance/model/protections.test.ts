// Files of property protections: what they allow, and which are refused whole.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { PROPERTY_ACTIONS, readProtections, type ProtectionFormat } from './protections.ts'

const who = (roles: string[], rules: string[] = []) => ({ roles, passes: (rule: string) => rules.includes(rule) })
/** The first letters of what the caller may do. */
const may = (text: string, name: string, asking: ReturnType<typeof who>, format: ProtectionFormat = 'roles') => PROPERTY_ACTIONS.filter(action => readProtections(text, format).allows(action, name, asking)).map(action => action[0]).join('')

const ROLES = `
# who bills
[^x_billing_]
create = Admin, billing
read = admin,billing,member
update = billing
delete = !
; free ones
[^x_free]
create = @
read = @
update = @
delete = @
[^x_none$]
create =
read = @
update =
delete =
`

test('the first section that matches a name says who may do what with it, and what none matches is for nobody', () => {
  for (const [name, role, expected] of [
    ['x_billing_code', 'admin', 'cr'], ['x_billing_code', 'Billing', 'cru'], ['x_billing_code', 'member', 'r'], ['x_billing_code', 'stranger', ''], ['x_freely', 'stranger', 'crud'], ['x_none', 'admin', 'r'], ['y_billing_code', 'admin', ''], ['os_glance_importing_to_stores', 'stranger', 'crud'],
  ] as const) assert.equal(may(ROLES, name, who([role])), expected, `${name} for ${role}`)
})

test('a file of policies asks the rules of the policy', () => {
  const text = '[.*]\ncreate = glance_creator\nread = @\nupdate = !\ndelete = nothing_of_that_name\n'
  assert.equal(may(text, 'x', who([], ['glance_creator']), 'policies'), 'cr')
  assert.equal(may(text, 'x', who(['glance_creator']), 'policies'), 'r')
})

test('a file that cannot be obeyed is refused whole', () => {
  const all = 'create = @\nread = @\nupdate = @\n'
  for (const [text, format, says] of [
    [`[x]\n${all}`, 'roles', /\[x\] does not say who may delete/], [`[x]\n${all}delete = @, !\n`, 'roles', /exclude each other/], [`[x(]\n${all}delete = @\n`, 'roles', /no regular expression/], ['create = @\n', 'roles', /line 1/],
    [`[x]\nnonsense\n`, 'roles', /line 2/], [`[x]\n${all}delete = a, b\n`, 'policies', /several rules/], [`[x]\n${all}delete = @\n[x]\n`, 'roles', /second section/],
  ] as const) assert.throws(() => readProtections(text, format), says)
})

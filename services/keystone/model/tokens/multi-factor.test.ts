// Rules that ask for more than one proof.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stillRequired } from './multi-factor.ts'

const AVAILABLE = ['password', 'token', 'totp']
const user = (rules: unknown, enabled?: boolean) => ({ options: { multi_factor_auth_rules: rules, ...(enabled !== undefined && { multi_factor_auth_enabled: enabled }) } })

test('a user is through when all of some rule is proven, and is told the rules that it has begun with otherwise', () => {
  const rules = [['password', 'totp'], ['token', 'totp'], ['token']]
  assert.deepEqual(stillRequired(user(rules), ['password'], AVAILABLE), [['password', 'totp']])
  assert.deepEqual(stillRequired(user(rules), ['totp'], AVAILABLE), [['password', 'totp'], ['token', 'totp']])
  for (const proven of [['password', 'totp'], ['token'], ['token', 'password']]) assert.equal(stillRequired(user(rules), proven, AVAILABLE), undefined)
  assert.deepEqual(stillRequired(user([['totp', 'token']]), ['password'], AVAILABLE), [])
})

test('no rules, rules that are switched off, and rules that make no sense ask for nothing', () => {
  for (const one of [user([]), user(undefined), user('password'), user([[]]), user([[1]]), user([['password', 'totp']], false)]) assert.equal(stillRequired(one, ['password'], AVAILABLE), undefined)
  assert.deepEqual(stillRequired(user([['password', 'totp']], true), ['password'], AVAILABLE), [['password', 'totp']])
})

test('methods that the cloud has not are no part of a rule', () => {
  assert.equal(stillRequired(user([['password', 'iris']]), ['password'], AVAILABLE), undefined)
  assert.equal(stillRequired(user([['iris']]), ['password'], AVAILABLE), undefined)
  assert.deepEqual(stillRequired(user([['iris'], ['totp', 'password']]), ['password'], AVAILABLE), [['totp', 'password']])
})

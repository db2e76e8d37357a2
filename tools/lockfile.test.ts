// The lock file that a fresh clone installs from.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { dangling, trimmed } from './lockfile.ts'

const text = readFileSync(resolve(import.meta.dirname, '../package-lock.json'), 'utf8')

test('the lock names no optional dependency that it has no entry for: npm 11 would refuse it', () => {
  assert.deepEqual(dangling(JSON.parse(text)), [], 'npm run lock')
})

test('the lock names no registry', () => {
  assert.doesNotMatch(text, /"resolved":\s*"http/)
})

test('trimming takes what dangles and nothing else', () => {
  const lock = { packages: { '': { optionalDependencies: { gone: '1' } }, 'node_modules/a': { optionalDependencies: { b: '1', c: '1' } }, 'node_modules/b': {} } }
  assert.deepEqual(dangling(lock), ['node_modules/a: c'])
  assert.deepEqual(trimmed(lock).packages, { ...lock.packages, 'node_modules/a': { optionalDependencies: { b: '1' } } })
})

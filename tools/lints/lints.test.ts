// Every lint refuses its fixtures and lets the allowed ones pass; exceptions that nothing needs are found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LINTS, lintFindings } from './index.ts'
import type { Fixture } from './lint.ts'
import { sourceFile } from './source.ts'

function files(fixture: Fixture) {
  return Object.entries(fixture).map(([path, text]) => sourceFile(path, text))
}

for (const lint of LINTS) {
  test(`the lint "${lint.name}" refuses what it is there to refuse, and nothing else`, () => {
    assert.ok(lint.refuses.length > 0 && lint.accepts.length > 0)
    for (const fixture of lint.refuses) assert.notDeepEqual(lint.check(files(fixture)), [], JSON.stringify(fixture).slice(0, 200))
    for (const fixture of lint.accepts) assert.deepEqual(lint.check(files(fixture)), [], JSON.stringify(fixture).slice(0, 200))
  })
}

test('a finding names file, line, lint and what to do', () => {
  assert.deepEqual(lintFindings(files({ 'kit/a.ts': '// It.\n\nconst a = Date.now()\n' }), LINTS, []), ['kit/a.ts:3: ambient: Date.now(…): take a Clock or Ids as an argument'])
})

test('an exception passes over its file, and is a finding itself when nothing is found there', () => {
  const exceptions = [{ lint: 'ambient', path: 'kit/a.ts', reason: 'x' }, { lint: 'size', path: 'kit/b.ts', reason: 'x' }]
  assert.deepEqual(lintFindings(files({ 'kit/a.ts': '// It.\nDate.now()\n' }), LINTS, exceptions), ['tools/lints/allowed.ts: size finds nothing in kit/b.ts any more: take the exception out'])
})

test('comments, strings and regular expressions are no code, what stands in a template\'s braces is', () => {
  const { code } = sourceFile('a.ts', 'a /* Date.now() */ \'Date.now()\' // Date.now()\nconst r = /[\'"]Date.now()/g; `Date.now() ${now()}`\n')
  assert.equal(code.includes('Date'), false)
  assert.match(code, /\$\{now\(\)\}/)
  assert.equal(code.split('\n').length, 3)
})

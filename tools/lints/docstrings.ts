// Every exported function says what it takes and gives; every file says in its first line what it is.
import { matches, type Lint, type SourceFile } from './lint.ts'

const EXPORTED = /^export (?:async )?function\*? (\w+)|^export const (\w+)(?::[^=\n]*)? = (?:async )?(?:\([^()\n]*\)|\w+)(?::[^=\n]*)? =>/gm

/** Exported functions without a docstring, and files without an opening line. */
export const docstrings: Lint = {
  name: 'docstrings',
  check: files => files.filter(file => /(?<!\.test)\.(ts|mjs)$/.test(file.path)).flatMap(file => [...opening(file), ...undocumented(file)]),
  refuses: [{ 'kit/a.ts': 'import { b } from \'./b.ts\'\n' }, { 'kit/a.ts': '// It.\nexport function it(): void {}\n' }, { 'kit/a.ts': '// It.\nexport const it = (a: number) => a\n' }],
  accepts: [{ 'kit/a.ts': '// It.\n\n/** It. */\nexport function it(): void {}\n\n/**\n * It.\n */\nexport const they = (a: number) => a\nexport const NUMBER = 3\n' }, { 'apps/a.mjs': '#!/usr/bin/env node\n// It.\n' }],
}

function opening(file: SourceFile) {
  return /^(#!.*\n)?(\/\/ |\/\*\*? ?)/.test(file.text) ? [] : [{ path: file.path, line: 1, said: 'say in the first line what this file is' }]
}

function undocumented(file: SourceFile) {
  const lines = file.text.split('\n')
  const names = new Set<string>()
  return matches(file, EXPORTED, match => match[1] ?? match[2]!).filter(({ line, said }) => {
    const overload = names.has(said)                // an overload shares the docstring of the first
    names.add(said)
    return !overload && !/\*\/\s*$/.test(lines[line - 2] ?? '')
  }).map(finding => ({ ...finding, said: `${finding.said} is exported and has no docstring` }))
}

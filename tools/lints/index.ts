// The house lints: what a program can check of CONVENTIONS.md. `node tools/lints/index.ts` runs them.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EXCEPTIONS, type Exception } from './allowed.ts'
import { ambient } from './ambient.ts'
import { docstrings } from './docstrings.ts'
import { images } from './images.ts'
import type { Lint, SourceFile } from './lint.ts'
import { names } from './names.ts'
import { processes } from './processes.ts'
import { purity } from './purity.ts'
import { size } from './size.ts'
import { sourceFile } from './source.ts'
import { testNames } from './test-names.ts'
import { words } from './words.ts'

/** Every lint there is. */
export const LINTS: readonly Lint[] = [size, names, processes, ambient, words, images, docstrings, testNames, purity]

/** The repository's own text files below `root`. */
export function repositoryFiles(root: string): SourceFile[] {
  const paths = globSync(['*', '.ci/*', '{kit,contracts,services,apps,tools,tests,docs,guest,dashboard}/**/*'], { cwd: root, exclude: path => /(^|\/)(node_modules|fixtures|\.cache|var)(\/|$)/.test(path) })
  return paths.filter(path => /(\.(ts|tsx|mjs|md|yaml|yml|json|sh|txt)|^alto|^\.ci\/run)$/.test(path) && existsSync(join(root, path))).toSorted()
    .map(path => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** What the lints find in `files`, a line for each, with exceptions that are needed no longer. */
export function lintFindings(files: readonly SourceFile[], lints: readonly Lint[] = LINTS, exceptions: readonly Exception[] = EXCEPTIONS): string[] {
  const used = new Set<Exception>()
  const findings = lints.flatMap(lint => lint.check(files).flatMap(({ path, line, said }) => {
    const exception = exceptions.find(one => one.lint === lint.name && one.path === path)
    if (exception) used.add(exception)
    return exception ? [] : [`${path}:${line}: ${lint.name}: ${said}`]
  }))
  return [...findings, ...exceptions.filter(one => !used.has(one)).map(one => `tools/lints/allowed.ts: ${one.lint} finds nothing in ${one.path} any more: take the exception out`)]
}

if (import.meta.main) {
  const files = repositoryFiles(resolve(import.meta.dirname, '../..'))
  const found = lintFindings(files)
  console.log([...found, `lints: ${files.length} files, ${LINTS.length} lints, ${found.length} findings`].join('\n'))
  process.exitCode = found.length > 0 || files.length === 0 ? 1 : 0
}

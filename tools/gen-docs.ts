// Writes docs/generated from what the services declare: coverage, options, policy rules. With --check it compares instead, and fails on a difference.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { sampleConfig } from '@alto/kit/config'
import { policyOptions, samplePolicy } from '@alto/kit/policy'
import { coverageOfAll, coveragePage } from './coverage.ts'
import { loadDeclared, type Declared } from './declared.ts'

const FOLDER = 'docs/generated'

/** Every generated page: its path below docs/generated, and its text. */
export function generatedPages(services: readonly Declared[], names: readonly string[]): Map<string, string> {
  const sections = [...services.flatMap(one => one.options ? [one.options] : []), policyOptions]
  return new Map([
    ['coverage.md', coveragePage(coverageOfAll(services, names))],
    ['config.yaml', `# Every option at its default. \`./alto config sample\` prints the same.\n${sampleConfig(sections)}`],
    ...services.filter(one => one.rules.length > 0).map(one => [`policy/${one.name}.yaml`, samplePolicy(one.rules)] as const),
  ])
}

/** The pages whose file below `root` is missing or has another text. */
export function stalePages(root: string, pages: ReadonlyMap<string, string>): string[] {
  return [...pages].filter(([path, text]) => {
    const file = join(root, FOLDER, path)
    return !existsSync(file) || readFileSync(file, 'utf8') !== text
  }).map(([path]) => `${FOLDER}/${path}`)
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  const { services, silent } = await loadDeclared(root)
  const pages = generatedPages(services, [...services.map(one => one.name), ...silent].toSorted())
  const stale = stalePages(root, pages)
  if (process.argv.includes('--check')) {
    for (const path of stale) console.log(`${path} is not what the services declare: npm run docs`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    for (const [path, text] of pages) {
      mkdirSync(dirname(join(root, FOLDER, path)), { recursive: true })
      writeFileSync(join(root, FOLDER, path), text)
    }
    console.log(`${FOLDER}: ${pages.size} pages, ${stale.length} changed`)
  }
}

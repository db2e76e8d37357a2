// What each service declares of itself: routes, rules, options. Docs, coverage and derived tests are made from it.
// A service's index.ts exports `declared`; its routes are made without managers, because nobody calls their handlers here.
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Section } from '@alto/kit/config'
import type { AnyRoute } from '@alto/kit/http'
import type { Rule } from '@alto/kit/policy'

/** A service's declarations. */
export interface Declared {
  /** `nova`: its folder's name. */
  readonly name: string
  readonly routes: readonly AnyRoute[]
  readonly rules: readonly Rule[]
  readonly options: Section | undefined
}

/** What the services below `root` declare, by name; those without an index.ts, or whose index.ts has no `declared`, are in `silent`. */
export async function loadDeclared(root: string): Promise<{ services: Declared[], silent: string[] }> {
  const services: Declared[] = []
  const silent: string[] = []
  for (const directory of globSync('services/*', { cwd: root }).toSorted()) {
    const name = directory.split('/')[1]!
    const index = join(root, directory, 'index.ts')
    const exported = existsSync(index) ? await import(pathToFileURL(index).href) as { declared?: Partial<Omit<Declared, 'name'>> } : {}
    if (exported.declared === undefined) silent.push(name)
    else services.push({ name, routes: exported.declared.routes ?? [], rules: exported.declared.rules ?? [], options: exported.declared.options })
  }
  return { services, silent }
}

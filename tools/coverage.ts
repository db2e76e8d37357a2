// How much of upstream's APIs our route tables declare: computed from tools/inventory and the routes, never claimed by hand.
// `node tools/coverage.ts` prints the totals; tools/gen-docs.ts writes docs/generated/coverage.md from the same.
import { resolve } from 'node:path'
import type { AnyRoute } from '@alto/kit/http'
import { loadDeclared, type Declared } from './declared.ts'
import { operationsOf, type Operation } from './inventory.ts'
import { leftOut } from './left-out.ts'

/** A service's operations beside its routes. */
export interface ServiceCoverage {
  readonly service: string
  readonly declared: readonly Operation[]
  readonly missing: readonly Operation[]
  /** Operations whose route declares a success status that upstream does not document, `GET /servers: 201, documented 200`. */
  readonly differing: readonly string[]
  /** Routes that no operation of upstream's matches, `GET /alto/v1/audit`. */
  readonly own: readonly string[]
}

/** A route of which the table names the actions it takes, as bodies choose them: `os-start`. */
type RouteWithActions = AnyRoute & { readonly actions?: readonly string[] }

/** Compares a service's routes with upstream's operations. An operation that a body's key chooses counts when its route names that action. */
export function coverageOf(service: string, operations: readonly Operation[], routes: readonly AnyRoute[]): ServiceCoverage {
  const byKey: Map<string, readonly RouteWithActions[]> = Map.groupBy(routes as readonly RouteWithActions[], one => keyOf(one.method, one.path))
  const matched = new Set<AnyRoute>()
  const declared: Operation[] = []
  const missing: Operation[] = []
  const differing: string[] = []
  for (const operation of operations) {
    const candidates = routesFor(byKey, operation).filter(one => takes(one, operation))
    candidates.forEach(one => matched.add(one))
    if (candidates.length === 0) {
      missing.push(operation)
      continue
    }
    declared.push(operation)
    if (operation.action === undefined && !candidates.some(one => operation.codes.includes(one.status))) {
      differing.push(`${operation.method} ${operation.path}: ${candidates.map(one => one.status).join(', ')}, documented ${operation.codes.join(', ')}`)
    }
  }
  return { service, declared, missing, differing, own: routes.filter(one => !matched.has(one)).map(one => `${one.method} ${one.path}`) }
}

/** The routes of the operation's path and method; a HEAD that nobody declares is answered by the GET. */
function routesFor(byKey: ReadonlyMap<string, readonly RouteWithActions[]>, { method, path }: Operation): readonly RouteWithActions[] {
  return byKey.get(keyOf(method, path)) ?? (method === 'HEAD' ? byKey.get(keyOf('GET', path)) : undefined) ?? []
}

/** The coverage of every service that has an inventory; services that declare nothing count with no route. */
export function coverageOfAll(services: readonly Declared[], names: readonly string[]): ServiceCoverage[] {
  return names.flatMap(name => {
    const operations = operationsOf(name)
    return operations ? [coverageOf(name, operations, services.find(one => one.name === name)?.routes ?? [])] : []
  })
}

/** The page docs/generated/coverage.md. */
export function coveragePage(all: readonly ServiceCoverage[]): string {
  const percent = (part: number, whole: number) => whole === 0 ? '–' : `${Math.round(100 * part / whole)} %`
  return `# API coverage

Computed by \`npm run docs\` from upstream's inventory (\`tools/inventory\`) and our route tables. *Declared* means that a route with that
method, path, microversion range and, for actions, that action is in the table; what it answers is what the tests of the service say.
Operations that upstream calls obsolete, and those of out-of-tree plugins, are left out.

| service | operations | declared | |
|---|---|---|---|
${all.map(one => `| ${one.service} | ${one.declared.length + one.missing.length} | ${one.declared.length} | ${percent(one.declared.length, one.declared.length + one.missing.length)} |`).join('\n')}
${all.map(servicePage).join('')}`
}

function servicePage(one: ServiceCoverage): string {
  const list = (title: string, lines: readonly string[]) => lines.length === 0 ? '' : `\n### ${title}\n\n${lines.map(line => `- ${line}`).join('\n')}\n`
  const groups = [...Map.groupBy([...one.declared, ...one.missing], operation => operation.group)].map(([group, members]) => ({ group, total: members.length, declared: members.filter(member => one.declared.includes(member)).length }))
  const named = (operation: Operation) => `\`${operation.method} ${operation.path}\`${operation.action === undefined ? '' : ` ${operation.action}`}: ${operation.operation}`
  const omitted = one.missing.flatMap(operation => {
    const entry = leftOut.find(e => e.service === one.service && e.path.test(operation.path))
    return entry ? [{ operation, reason: entry.reason }] : []
  })
  return `
## ${one.service}

| group | operations | declared |
|---|---|---|
${groups.map(({ group, total, declared }) => `| ${group} | ${total} | ${declared} |`).join('\n')}
${list('Success status differs from the documented one', one.differing)}${list('Routes of our own', one.own)}${list('Left out on purpose', omitted.map(({ operation, reason }) => `${named(operation)} (${reason})`))}${list('Not declared', one.missing.filter(operation => !omitted.some(o => o.operation === operation)).map(named))}`
}

/** Method and path with parameters' names, version prefixes that only say where a service is mounted, and closing slashes taken out. */
function keyOf(method: string, path: string): string {
  const plain = path.replace(/^\/v2\.1(?=\/)/, '').replace(/^\/v3\/\{project_id\}(?=\/)/, '/v3').replaceAll(/\{[^}]*\}/g, '{}').replace(/(?<=.)\/$/, '')
  return `${method} ${plain}`
}

function takes(route: RouteWithActions, operation: Operation): boolean {
  if (operation.action !== undefined && operation.path.endsWith('/action') && !route.actions?.includes(operation.action)) return false
  const [oldest, newest] = [versionOf(operation.min), versionOf(operation.max)]
  const since = route.since ?? [0, 0]
  return !(route.until && oldest && before(route.until, oldest)) && !(newest && before(newest, since))
}

function versionOf(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined
  const [major, minor] = text.split('.')
  return [Number(major), Number(minor)]
}

function before(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1])
}

if (import.meta.main) {
  const { services, silent } = await loadDeclared(resolve(import.meta.dirname, '..'))
  for (const one of coverageOfAll(services, [...services.map(service => service.name), ...silent].toSorted())) {
    console.log(`${one.service}: ${one.declared.length} of ${one.declared.length + one.missing.length} operations declared, ${one.own.length} routes of our own, ${one.differing.length} with another success status`)
  }
}

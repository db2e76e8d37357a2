// Fails when a file imports what its room may not see. The tables below are the architecture.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Room of a service -> rooms of the same service that it may import. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  model: [], policy: ['model'], store: ['model'], driver: ['model'], agent: ['model', 'driver'],
  manager: ['model', 'policy', 'store', 'driver'], task: ['model', 'store', 'manager', 'driver'], api: ['model', 'policy', 'manager'],
}
/** Room -> the parts of kit it may use, where they are limited. */
const KIT: Readonly<Record<string, readonly string[]>> = {
  model: ['errors', 'ids'], policy: ['policy'], store: ['errors', 'db', 'ids', 'task'], driver: ['errors', 'log', 'clock', 'host', 'disk', 'ids'],
  agent: ['agent', 'errors', 'rpc', 'log', 'clock', 'host', 'disk', 'ids', 'data-link'], api: ['http', 'context', 'openstack', 'policy', 'errors'],
}
/** Rooms that may import contracts, beside files at the top of the service. */
const CONTRACTS: readonly string[] = ['manager', 'task', 'agent']
/** What contracts may use of kit. */
const CONTRACT_KIT: readonly string[] = ['rpc', 'errors']
/** Modules that reach outside the process: none for a model. (node:net is where isIP lives; sockets in a model would need async, which a lint refuses.) */
const OUTSIDE = /^node:(fs|tls|http|https|http2|dgram|dns|child_process|worker_threads|timers|os|process|sqlite)(\/|$)/
/** Where files may import what they need to test or assemble the rest. */
const TESTS = /\.(test|conformance)\.ts$|(^|\/)test\//

const IMPORT = /^[ \t]*(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

/** What a file's text imports, exports from or imports dynamically: the specifiers. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map(match => (match[1] ?? match[2])!)
}

/**
 * What is wrong with `file` (path from the repository's root) importing `specifier`; undefined when nothing is.
 * `declared` are the packages that the file's own package.json names.
 */
export function faultOf(file: string, specifier: string, declared: ReadonlySet<string>): string | undefined {
  const [area = '', name = ''] = file.split('/')
  if (specifier.startsWith('.')) {
    if (!/\.(ts|mjs|json)$/.test(specifier)) return 'write the extension'
    const to = join(dirname(file), specifier)
    if (!to.startsWith(homeOf(area, name))) return 'a relative import leaves its package'
    return area === 'services' && !TESTS.test(file) ? roomFault(file, to) : undefined
  }
  if (specifier.startsWith('node:')) return roomOf(file) === 'model' && !TESTS.test(file) && OUTSIDE.test(specifier) ? 'a model reaches nothing outside the process' : undefined
  const [scope, packageName, ...rest] = specifier.split('/')
  const needed = specifier.startsWith('@') ? `${scope}/${packageName}` : scope!
  if (area === 'kit' && scope === '@alto') return 'kit knows nobody, and its own parts by relative paths'
  if (!declared.has(needed)) return `${needed} is not in the package.json of ${homeOf(area, name)}`
  if (scope !== '@alto') return undefined
  return altoFault(file, packageName!, rest.join('/'))
}

function altoFault(file: string, packageName: string, part: string): string | undefined {
  const [area, service] = file.split('/')
  const test = TESTS.test(file)
  const room = roomOf(file)
  if (area === 'contracts') {
    if (packageName !== 'kit') return 'contracts know only the kit'
    return test || CONTRACT_KIT.includes(part) ? undefined : `contracts may use of kit only: ${CONTRACT_KIT.join(', ')}`
  }
  if (area !== 'services') return undefined
  if (packageName !== 'kit' && packageName !== 'contracts') return packageName === service ? 'a package imports itself by relative paths' : 'services meet in @alto/contracts and over their APIs'
  if (test) return undefined
  if (part === 'testing') return 'kit/testing is for tests'
  if (room === undefined) return undefined
  if (packageName === 'contracts') return CONTRACTS.includes(room) ? undefined : `contracts are for ${CONTRACTS.join(', ')} and index`
  const allowed = KIT[room]
  if (allowed) return allowed.includes(part) ? undefined : `${room} may use of kit only: ${allowed.join(', ')}`
  return part === 'http' ? `${room} may use all of kit but http` : undefined
}

function roomFault(file: string, to: string): string | undefined {
  const from = roomOf(file)
  if (from === undefined) return undefined                  // index.ts, options.ts, faults.ts: wiring and declarations
  const target = roomOf(to)
  if (target === undefined) return to.endsWith('/faults.ts') ? undefined : `${from} may not import ${to.split('/').at(-1)}`
  return target === from || ROOMS[from]!.includes(target) ? undefined : `${from} may import only: ${ROOMS[from]!.join(', ') || 'nothing'}`
}

function roomOf(file: string): string | undefined {
  const [area, , room = ''] = file.split('/')
  return area === 'services' && room in ROOMS ? room : undefined
}

function homeOf(area: string, name: string): string {
  return area === 'services' || area === 'apps' ? `${area}/${name}/` : `${area}/`
}

/** The packages a file may import: those of its package.json, and for tests and tools the repository's development packages too. */
export function declaredFor(file: string, root: string): ReadonlySet<string> {
  const [area = '', name = ''] = file.split('/')
  const own = packageNames(join(root, homeOf(area, name), 'package.json'), ['dependencies', ...(TESTS.test(file) ? ['devDependencies'] : [])])
  const shared = TESTS.test(file) || area === 'tests' || area === 'tools' ? packageNames(join(root, 'package.json'), ['devDependencies', 'dependencies']) : []
  const repository = area === 'tests' ? ['@alto/kit', '@alto/contracts', '@alto/allinone', '@alto/serve', '@alto/site', '@alto/ctl', '@alto/tools', 'yaml'] : []
  return new Set([...own, ...shared, ...repository])
}

function packageNames(path: string, keys: readonly string[]): string[] {
  if (!existsSync(path)) return []
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string> | undefined>      // our own manifests
  return keys.flatMap(key => Object.keys(manifest[key] ?? {}))
}

/** Every bad import below `root`, a line for each, and how many files were seen. */
export function checkLayers(root: string): { files: number, faults: string[] } {
  const files = globSync('{kit,contracts,services,apps,tests,tools}/**/*.ts', { cwd: root, exclude: path => /(^|\/)(node_modules|fixtures)(\/|$)/.test(path) }).toSorted()
  const faults = files.flatMap(file => {
    const declared = declaredFor(file, root)
    return importsOf(readFileSync(join(root, file), 'utf8')).flatMap(specifier => {
      const fault = faultOf(file, specifier, declared)
      return fault === undefined ? [] : [`${file}: ${specifier}: ${fault}`]
    })
  })
  return { files: files.length, faults }
}

if (import.meta.main) {
  const { files, faults } = checkLayers(resolve(import.meta.dirname, '..'))
  console.log([...faults, `layers: ${files} files, ${faults.length} bad imports`].join('\n'))
  process.exitCode = faults.length > 0 || files === 0 ? 1 : 0
}

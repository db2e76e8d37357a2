// `npm run lock`: brings package-lock.json in step with the workspaces, and takes out of it what npm 11's `npm ci` stumbles over:
// optional dependencies (other platforms' binaries) that the registry did not give when the lock was made, and for which it has no entry.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

interface Lock { packages: Record<string, { optionalDependencies?: Record<string, string> }> }

/** The optional dependencies that `lock` names and has no entry for, as `PACKAGE: DEPENDENCY`. */
export function dangling(lock: Lock): string[] {
  return Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) => path === '' ? []
    : Object.keys(optionalDependencies).filter(name => !(`node_modules/${name}` in lock.packages)).map(name => `${path}: ${name}`))
}

/** The lock without them. */
export function trimmed(lock: Lock): Lock {
  const packages = Object.fromEntries(Object.entries(lock.packages).map(([path, entry]) => {
    if (path === '' || !entry.optionalDependencies) return [path, entry]
    const kept = Object.fromEntries(Object.entries(entry.optionalDependencies).filter(([name]) => `node_modules/${name}` in lock.packages))
    return [path, { ...entry, optionalDependencies: kept }]
  }))
  return { ...lock, packages }
}

if (import.meta.main) {
  const { status } = spawnSync('npm', ['install', '--ignore-scripts'], { cwd: ROOT, stdio: 'inherit' })
  if (status === 0) {
    const file = join(ROOT, 'package-lock.json')
    writeFileSync(file, `${JSON.stringify(trimmed(JSON.parse(readFileSync(file, 'utf8')) as Lock), null, 2)}\n`)
  }
  process.exitCode = status ?? 1
}

// Reads tools/inventory: upstream's operations and policy rules as data.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

const DIRECTORY = join(import.meta.dirname, 'inventory')

/** An operation that upstream documents. */
export interface Operation {
  readonly operation: string
  readonly method: string
  readonly path: string
  /** Documented success codes. */
  readonly codes: readonly number[]
  readonly group: string
  /** The key in the body that chooses among the operations of one path: `os-start`. */
  readonly action?: string
  /** Microversion bounds, `2.6`; none: always. */
  readonly min?: string
  readonly max?: string
  readonly status?: 'current' | 'deprecated' | 'obsolete' | 'internal'
  /** The plugin outside the service's own tree that serves it. */
  readonly project?: string
}

/** A policy rule with upstream's defaults. */
export interface InventoryRule {
  readonly name: string
  readonly check: string
  /** The default before the secure ones, where it differs. */
  readonly legacy?: string
  /** Deprecated for removal. */
  readonly gone?: boolean
}

/** The operations of a service that upstream still serves, out-of-tree plugins apart; undefined for a service that has no inventory. */
export function operationsOf(service: string): readonly Operation[] | undefined {
  const path = join(DIRECTORY, `${service}.yaml`)
  if (!existsSync(path)) return undefined
  const { operations } = parse(readFileSync(path, 'utf8')) as { operations: Operation[] }        // our own data
  return operations.filter(one => one.status !== 'obsolete' && one.project === undefined)
}

/** A service's policy rules by name. */
export function rulesOf(service: string): ReadonlyMap<string, InventoryRule> {
  const { policies } = parse(readFileSync(join(DIRECTORY, 'policies.yaml'), 'utf8')) as { policies: Record<string, InventoryRule[]> }
  return new Map((policies[service] ?? []).map(one => [one.name, one]))
}

/** What each of a service's rules guards: `GET /servers/{server_id}`. */
export function guardedBy(service: string): Readonly<Record<string, readonly string[]>> {
  const { operations } = parse(readFileSync(join(DIRECTORY, 'policy-operations.yaml'), 'utf8')) as { operations: Record<string, Record<string, string[]>> }
  return operations[service] ?? {}
}

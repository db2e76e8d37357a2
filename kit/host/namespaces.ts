// Network namespaces: their names, and making, listing and removing them.
import { readdir } from 'node:fs/promises'
import type { Host } from './run.ts'

const DIRECTORY = '/run/netns'

/** The namespace that holds all bridges, taps and guests of one host of one cloud; `cloud` is 8 hexadecimal digits. */
export function namespaceOf(where: { cloud: string, host: string }): string {
  return `alto-${where.cloud}-${where.host}`
}

/**
 * `argv` as it is run inside the namespace `netns`; unchanged for ''. By nsenter, because `ip netns exec` and `ip -n`
 * remount /sys first, which costs time and fails where / is no mount point (a plain chroot).
 */
export function inNamespace(netns: string, argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return netns === '' ? argv : ['nsenter', `--net=${DIRECTORY}/${netns}`, '--', ...argv]
}

/** The names of the namespaces there are, sorted. */
export async function listNamespaces(): Promise<string[]> {
  try {
    return (await readdir(DIRECTORY)).toSorted()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Makes the namespace with its loopback up, unless it is there; true when it was made. */
export async function addNamespace(host: Host, name: string): Promise<boolean> {
  if ((await listNamespaces()).includes(name)) return false
  await host.run(['ip', 'netns', 'add', name])
  await host.run(['ip', 'link', 'set', 'dev', 'lo', 'up'], { netns: name })
  return true
}

/** Removes the namespace if it is there. Links in it go with it, when no process holds it open. */
export async function removeNamespace(host: Host, name: string): Promise<void> {
  if ((await listNamespaces()).includes(name)) await host.run(['ip', 'netns', 'delete', name])
}

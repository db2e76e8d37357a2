// The namespaces that come with Glance: `metadefs/*.json`, each as a body of POST /v2/metadefs/namespaces. Each is loaded once in a cloud's life, so that
// what an operator changed stays changed, and what it removed stays away.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { namespaceInput, wantedDefinitions, type NamespaceBody } from '../../model/metadef-bodies.ts'
import * as metadefs from '../../store/metadefs.ts'
import type { Deps } from '../deps.ts'
import { holdingWanted } from './namespaces.ts'

const DIRECTORY = join(import.meta.dirname, '../../metadefs')

/** Nobody's project: administrators change them, everybody sees them. */
const OWNER = 'admin'

/** The bodies, by file name. Read at once: they are a part of the program, and a start waits for nothing of the machine's that it can do without. */
export function defaultNamespaces(): NamespaceBody[] {
  const files = readdirSync(DIRECTORY).filter(file => file.endsWith('.json')).toSorted((a, b) => a.localeCompare(b))
  return files.map(file => JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')) as NamespaceBody)
}

/** Loads those that were never loaded; a name that somebody took is left to whoever took it. */
export async function loadDefaultNamespaces({ db, clock, ids }: Pick<Deps, 'db' | 'clock' | 'ids'>): Promise<void> {
  const bodies = defaultNamespaces()
  await db.write(async tx => {
    for (const body of bodies) {
      if (!await metadefs.noteLoaded(tx, body.namespace) || await metadefs.findNamespace(tx, body.namespace)) continue
      const { name, displayName = null, description = null } = namespaceInput(body)
      const now = clock.now()
      const namespace = { id: ids.uuid(), name, displayName, description, visibility: 'public' as const, isProtected: true, owner: OWNER, createdAt: now, updatedAt: now }
      await metadefs.insertNamespace(tx, namespace)
      await holdingWanted(tx, namespace, wantedDefinitions(body), now)
    }
  })
}

// /os-assisted-volume-snapshots: the block storage service has a server's volume copied. `connection`, `status` and `reason` are this cloud's own.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { AssistedSnapshotManager } from '../manager/assisted-snapshots.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/assisted-snapshots.ts'

const format = t.oneOf('qcow2', 'raw')
const text = t.string({ min: 1, max: 255 })
const connection = t.union(
  t.object({ kind: t.oneOf('file'), path: t.string({ min: 1, max: 4096, pattern: '^/' }), format }),
  t.object({ kind: t.oneOf('nbd-tls'), address: text, port: t.integer({ min: 1, max: 65_535 }), exportName: t.uuid(), identity: t.uuid(), format }),
)

/** The routes of assisted volume snapshots. */
export function assistedSnapshotRoutes(snapshots: AssistedSnapshotManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2.1/os-assisted-volume-snapshots', rule: rules.CREATE, status: 200, summary: 'Create Assisted Volume Snapshots',
      body: t.object({ snapshot: t.object({ volume_id: text, create_info: t.object({ snapshot_id: t.uuid(), type: t.oneOf('qcow2'), new_file: t.string({ min: 1 }), id: t.optional(text), connection: t.optional(connection) }) }) }),
      async handle({ ctx, body: { snapshot: { volume_id: volumeId, create_info: { snapshot_id: snapshotId, connection: to } } } }) {
        return { snapshot: { id: snapshotId, volumeId, ...await snapshots.create(ctx, { snapshotId, volumeId, to }) } }
      },
    }),
    route({
      method: 'DELETE', path: '/v2.1/os-assisted-volume-snapshots/{snapshot_id}', rule: rules.DELETE, status: 204, summary: 'Delete Assisted Volume Snapshot', params: t.object({ snapshot_id: t.id() }), query: t.open({}),
      async handle({ ctx, params, url }) {
        if (!namesVolume(url.searchParams.get('delete_info'))) throw invalid('snapshot.noVolume', 'delete_info must be given: a JSON object with the volume_id.')
        await snapshots.remove(ctx, params.snapshot_id)
        return answer(undefined, { status: 204 })
      },
    }),
  ]
}

function namesVolume(deleteInfo: string | null): boolean {
  try {
    const info: unknown = JSON.parse(deleteInfo ?? '')
    return typeof info === 'object' && info !== null && 'volume_id' in info && typeof info.volume_id === 'string'
  } catch {
    return false
  }
}

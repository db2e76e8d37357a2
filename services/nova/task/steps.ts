// What several tasks do with volumes and hosts. Each is safe to repeat.
import { Fault, isFault } from '@alto/kit/errors'
import { giveUp, type Waiting } from '@alto/kit/task'
import type { Deps } from '../manager/deps.ts'
import { isUp } from '../model/hosts.ts'
import type { Connection, ServerVolume } from '../model/volumes.ts'
import * as hosts from '../store/hosts.ts'
import * as volumes from '../store/volumes.ts'
import type { Step } from './guest.ts'

/** Makes Cinder give the volume to the server on that host; the row then knows how to reach it. Waits while the volume is being made. */
export async function connectVolume(deps: Deps, t: Step, row: ServerVolume, host: string): Promise<Waiting | undefined> {
  if (row.connection !== null && row.attachmentId !== null) return undefined
  if (row.source.failure !== undefined) throw giveUp(new Fault('conflict', 'nova.volume.notMade', `The volume for ${row.device} could not be made: ${row.source.failure}`))
  if (row.volumeId === '') return t.wait({ reason: `the volume for ${row.device} is not made yet`, pollMs: 1000 })
  const volume = await deps.volume.volume('service', row.volumeId)
  if (!volume) throw giveUp(new Fault('notFound', 'nova.volume.notFound', `Volume ${row.volumeId} could not be found.`))
  if (volume.status === 'error') throw giveUp(new Fault('conflict', 'nova.volume.error', `Volume ${volume.id} could not be made: it is in status error.`))
  if (['creating', 'downloading', 'uploading', 'detaching', 'maintenance'].includes(volume.status)) return t.wait({ reason: `volume ${volume.id} is ${volume.status}`, pollMs: 1000 })
  const attachment = await deps.volume.attach('service', volume.id, t.resourceId, t.key(`attach-${row.id}`))
  await t.write(tx => volumes.set(tx, row.id, { attachmentId: attachment.id, size: volume.size }))
  const connected = await deps.volume.connect('service', attachment.id, { host, mountpoint: row.device, mode: row.readOnly ? 'ro' : 'rw' })
  const connection = connectionOf(connected.connection_info)
  if (!connection) throw giveUp(new Fault('conflict', 'nova.volume.connection', `Volume ${volume.id} cannot be reached from host ${host}: its connection is of a kind that is not known (${String(connected.connection_info['driver_volume_type'])}).`))
  if (connection.kind === 'nbd-tls') deps.refuseOldAgent(host, '1.1', `Volume ${volume.id} is on another host: reaching it`)
  await t.write(tx => volumes.set(tx, row.id, { connection, readOnly: connected.connection_info['access_mode'] === 'ro' || row.readOnly }))
  return undefined
}

/** Gives the volume back to Cinder; `remove`: it goes altogether, unless it has snapshots. Fault unavailable `nova.volume.busy` while it passes through a state. */
export async function releaseVolume(deps: Deps, row: ServerVolume, how: { remove: boolean }): Promise<void> {
  if (row.volumeId === '') return
  const attachments = await deps.volume.attachmentsOf('service', row.serverId)
  for (const one of attachments) if (one.volume_id === row.volumeId) await deps.volume.detach('service', one.id)
  if (!how.remove) return
  try {
    await deps.volume.remove('service', row.volumeId)
  } catch (error) {
    // Cinder refuses while the volume is still busy, which passes; and one at rest for what does not (it has snapshots): that one stays, as upstream's do.
    if (!isFault(error) || !['badRequest', 'conflict'].includes(error.kind)) throw error
    const volume = await deps.volume.volume('service', row.volumeId)
    if (volume?.status === 'available' || volume?.status === 'error') deps.log.warn({ serverId: row.serverId, volumeId: row.volumeId, reason: error.message }, 'a volume that was to go with its server stays')
    else if (volume && !['deleting', 'error_deleting'].includes(volume.status)) throw new Fault('unavailable', 'nova.volume.busy', `Volume ${row.volumeId} cannot be removed yet: it is ${volume.status}.`, { cause: error })
  }
}

/** How to reach a volume, from what Cinder's attachment says: flat, or below `data`. */
export function connectionOf(info: Readonly<Record<string, unknown>>): Connection | undefined {
  const data = { ...info, ...(typeof info['data'] === 'object' && info['data'] !== null ? info['data'] as Record<string, unknown> : {}) }
  const kind = data['kind'] ?? data['driver_volume_type']
  const format = data['format'] === 'raw' ? 'raw' : 'qcow2'
  const path = data['path'] ?? data['device_path']
  if ((kind === 'file' || kind === 'local') && typeof path === 'string') return { kind: 'file', path, format }
  const { address, port, exportName, identity } = data
  if (kind === 'nbd-tls' && typeof address === 'string' && typeof port === 'number' && typeof exportName === 'string' && typeof identity === 'string') return { kind, address, port, exportName, identity, format }
  return undefined
}

/** True when a host is not to be waited for: nobody knows it, or it has been silent for long. */
export async function isHostGivenUp(deps: Deps, name: string): Promise<boolean> {
  const host = await deps.db.read(tx => hosts.find(tx, name))
  return !host || !isUp(host, deps.silentSince())
}

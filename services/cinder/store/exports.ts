// SQL for exports: which attachment of another host has which port of the volume's host, and which disk that another host copies into. They go with their attachments and disks.
import type { DiskExport } from '../model/disks.ts'
import { freePort, type PortRange } from '../model/export-ports.ts'
import type { Tx } from './tables.ts'

/** The port of the attachment on `host`: the one that it has, or a free one. Fault unavailable `cinder.export.noPort`. Holds the host's row: two at once get two ports. */
export async function take(tx: Tx, host: string, attachmentId: string, ports: PortRange): Promise<number> {
  const taken = await takenPorts(tx, host)
  const has = await tx.selectFrom('exports').selectAll().where('attachment_id', '=', attachmentId).executeTakeFirst()
  if (has?.host === host) return has.port
  if (has) await release(tx, attachmentId)
  const port = freePort(host, ports, taken)
  await tx.insertInto('exports').values({ attachment_id: attachmentId, host, port }).execute()
  return port
}

/** Gives the attachment's port back, if it has one. */
export async function release(tx: Tx, attachmentId: string): Promise<void> {
  await tx.deleteFrom('exports').where('attachment_id', '=', attachmentId).execute()
}

/** What is to be served of a volume's disk. */
export async function ofVolume(tx: Tx, volumeId: string): Promise<DiskExport[]> {
  const rows = await tx.selectFrom('exports').innerJoin('attachments', 'attachments.id', 'exports.attachment_id').where('attachments.volume_id', '=', volumeId)
    .select(['exports.attachment_id', 'exports.port', 'attachments.mode']).orderBy('exports.attachment_id').execute()
  return rows.map(row => ({ attachmentId: row.attachment_id, port: row.port, ...(row.mode === 'ro' && { readOnly: true }) }))
}

/** The port on `host` at which another host copies into the disk: the one that it has, or a free one; as `take`. */
export async function takeForCopy(tx: Tx, host: string, diskId: string, ports: PortRange): Promise<number> {
  const taken = await takenPorts(tx, host)
  const has = await tx.selectFrom('copy_exports').select('port').where('disk_id', '=', diskId).executeTakeFirst()
  if (has) return has.port
  const port = freePort(host, ports, taken)
  await tx.insertInto('copy_exports').values({ disk_id: diskId, host, port }).execute()
  return port
}

/** Gives the disk's port back, if it has one. */
export async function releaseCopy(tx: Tx, diskId: string): Promise<void> {
  await tx.deleteFrom('copy_exports').where('disk_id', '=', diskId).execute()
}

async function takenPorts(tx: Tx, host: string): Promise<Set<number>> {
  await tx.updateTable('hosts').set(e => ({ seen_at: e.ref('seen_at') })).where('name', '=', host).execute()
  const rows = [...await tx.selectFrom('exports').select('port').where('host', '=', host).execute(), ...await tx.selectFrom('copy_exports').select('port').where('host', '=', host).execute()]
  return new Set(rows.map(row => row.port))
}

// SQL for volume hosts: what their agents last said.
import { fromJson, toJson } from '@alto/kit/db'
import type { Tables, Tx } from './tables.ts'

/** A volume host. */
export interface VolumeHost {
  name: string
  serviceId: string
  incarnation: string
  capacity: { totalBytes: number, freeBytes: number, driver: string, dataAddress?: string }
  enabled: boolean
  disabledReason: string | null
  /** Milliseconds. */
  seenAt: number
}

/** All hosts, by name. */
export async function list(tx: Tx): Promise<VolumeHost[]> {
  return (await tx.selectFrom('hosts').selectAll().orderBy('name').execute()).map(fromRow)
}

/** Writes what an agent says of its host; `serviceId` counts the first time. */
export async function seen(tx: Tx, host: Pick<VolumeHost, 'name' | 'incarnation' | 'capacity' | 'seenAt' | 'serviceId'>): Promise<void> {
  const changing = { incarnation: host.incarnation, capacity: toJson(host.capacity), seen_at: host.seenAt }
  await tx.insertInto('hosts').values({ name: host.name, service_id: host.serviceId, enabled: 1, disabled_reason: null, ...changing }).onConflict(c => c.column('name').doUpdateSet(changing)).execute()
}

/** Switches a host on or off for new volumes; false when there is none of that name. */
export async function setEnabled(tx: Tx, name: string, enabled: boolean, reason: string | null): Promise<boolean> {
  return (await tx.updateTable('hosts').set({ enabled: Number(enabled), disabled_reason: reason }).where('name', '=', name).executeTakeFirst()).numUpdatedRows === 1n
}

function fromRow(row: Tables['hosts']): VolumeHost {
  return {
    name: row.name, serviceId: row.service_id, incarnation: row.incarnation, capacity: fromJson(row.capacity, { totalBytes: 0, freeBytes: 0, driver: '' }), enabled: row.enabled === 1, disabledReason: row.disabled_reason,
    seenAt: row.seen_at,
  }
}

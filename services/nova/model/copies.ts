// Copies of servers' volumes, made by the hosts of the guests for the block storage service, and how far they are.
import type { Connection } from './volumes.ts'
import type { Observed, Want } from './wants.ts'

/** A copy to make of a server's volume. */
export interface VolumeCopy {
  /** Given by who asked: the snapshot's. */
  readonly id: string
  readonly serverId: string
  /** Of the attachment in Nova. */
  readonly serverVolumeId: string
  readonly volumeId: string
  readonly to: Connection
  /** Of the wanted row that named it first. */
  readonly generation: number
}

/** How far a copy is; `reason` says why it failed, or what it waits for. */
export interface CopyProgress { readonly status: 'copying' | 'done' | 'failed', readonly reason?: string }

/** What has become of a copy, as its agent says. */
export function copyOutcome(copy: Pick<VolumeCopy, 'id' | 'generation'>, want: Pick<Want, 'reportedGeneration' | 'observed'>): NonNullable<Observed['copies']>[number] | undefined {
  return want.reportedGeneration >= copy.generation ? want.observed?.copies?.find(({ id }) => id === copy.id) : undefined
}

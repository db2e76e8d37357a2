// On whose behalf a task works: what stays of the request that had it begun.
import type { Context } from '../context/index.ts'
import type { Origin } from './definition.ts'

/** The origin of what the request of `ctx` enqueues. */
export function originOf({ requestId, globalRequestId, credentials: { userId, projectId } }: Pick<Context, 'requestId' | 'globalRequestId' | 'credentials'>): Origin {
  return { requestId, userId, ...(globalRequestId !== undefined && { globalRequestId }), ...(projectId !== undefined && { projectId }) }
}

// A notification, and how it is written on the wire: the 2.0 envelope of oslo.messaging, which OpenStack's listeners read.
import type { Ids } from '../ids/index.ts'

/** Something that happened. It holds no secret: listeners are many. */
export interface Notification {
  /** `image.create`. */
  event: string
  priority: 'info' | 'error'
  /** Who tells it: `image.HOST`. */
  publisher: string
  payload: unknown
  /** On whose behalf, as far as that is known. */
  context?: { requestId?: string | undefined, userId?: string | undefined, projectId?: string | undefined }
}

/** Tells what happened. */
export interface Notifier {
  /** Never throws and never waits: what cannot be told is dropped, and the log says so. Called after the commit of what it tells. */
  notify(notification: Notification): void
}

/** The text of the message; `now` in milliseconds. */
export function envelope({ event, priority, publisher, payload, context = {} }: Notification, { ids, now }: { ids: Ids, now: number }): string {
  const { requestId, userId, projectId } = context
  const message = {
    message_id: ids.uuid(), publisher_id: publisher, event_type: event, priority: priority.toUpperCase(), payload, timestamp: `${new Date(now).toISOString().slice(0, -1).replace('T', ' ')}000`, _unique_id: ids.hex(),
    _context_request_id: requestId ?? null, _context_user_id: userId ?? null, _context_user: userId ?? null, _context_project_id: projectId ?? null, _context_tenant: projectId ?? null,
  }
  return JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) })
}

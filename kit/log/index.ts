// Structured logs: one JSON line an event, with the request ids of whoever asked. Secrets never enter; see REDACTED.
import { pino } from 'pino'

/** Fields of a log line. Ids are full words in camelCase: serverId, projectId, requestId. */
export type Fields = Readonly<Record<string, unknown>>

/** Where a part writes what happened. */
export interface Log {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
  error(fields: Fields, message: string): void
  /** The same log with `fields` on every line. */
  child(fields: Fields): Log
}

/** Field names whose values are never written, wherever they stand (two levels deep). */
export const REDACTED = ['password', 'adminPass', 'secret', 'token', 'x-auth-token', 'x-subject-token', 'authorization', 'user_data', 'private_key'] as const

/** A log that writes JSON lines to `destination` (a path, or 1 for standard output). */
export function jsonLog(destination: string | number, level: 'debug' | 'info' | 'warn' | 'error' = 'info'): Log {
  const paths = REDACTED.flatMap(k => [`["${k}"]`, `*["${k}"]`, `*.*["${k}"]`])
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '***' } },
    pino.destination({ dest: destination, mkdir: true, sync: false }))
}

/** A log that keeps nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }

/** A log that keeps its lines in memory, for tests to read. */
export function memoryLog(): Log & { lines: { level: string, message: string, fields: Fields }[] } {
  const lines: { level: string, message: string, fields: Fields }[] = []
  const at = (bound: Fields): Log => {
    const write = (level: string) => (fields: Fields, message: string) => { lines.push({ level, message, fields: { ...bound, ...fields } }) }
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), child: fields => at({ ...bound, ...fields }) }
  }
  return { ...at({}), lines }
}

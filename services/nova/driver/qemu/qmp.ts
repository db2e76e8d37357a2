// A client of QEMU's machine protocol (QMP): JSON lines over a unix socket, commands answered by id, events in between.
import { connect, type Socket } from 'node:net'
import { Fault } from '@alto/kit/errors'
import type { Clock } from '@alto/kit/clock'

/** A connection to one QEMU's monitor. */
export interface Qmp {
  /** Runs a command and gives its result. Throws Fault unavailable `nova.qmp.refused` (QEMU's own words in the message), `nova.qmp.closed`, `nova.qmp.deadline`. */
  execute(command: string, args?: Readonly<Record<string, unknown>>, deadlineMs?: number): Promise<unknown>
  /** Resolves with the first event for which `accept` is true, from now on; rejects as `execute` does. */
  event(accept: (event: QmpEvent) => boolean, deadlineMs: number): Promise<QmpEvent>
  readonly closed: boolean
  close(): void
}

/** Something that happened in QEMU. */
export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

type Message = Partial<QmpEvent> & { QMP?: unknown, id?: number, return?: unknown, error?: { class: string, desc: string } }
type Waiter = { resolve(value: unknown): void, reject(error: unknown): void }

const DEADLINE = 10_000
const MAX_LINE = 16 * 1024 * 1024

/** Connects to the monitor at `path` and greets it. `onEvent` hears every event, and `undefined` once when the connection ends. */
export async function connectQmp(path: string, clock: Clock, onEvent: (event: QmpEvent | undefined) => void = () => {}): Promise<Qmp> {
  const socket = await opened(path)
  const answers = new Map<number, Waiter>()
  const listeners = new Set<(event: QmpEvent) => void>()
  const failures = new Set<(error: unknown) => void>()
  const state = { closed: false, next: 1, rest: '' }

  const end = () => {
    if (state.closed) return
    state.closed = true
    const error = new Fault('unavailable', 'nova.qmp.closed', 'the connection to QEMU ended')
    for (const fail of failures) fail(error)
    onEvent(undefined)
  }
  socket.on('error', () => socket.destroy())
  socket.on('close', end)
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (state.rest + chunk).split('\n')
    state.rest = lines.pop()!
    if (state.rest.length > MAX_LINE) socket.destroy()
    for (const line of lines) if (line.trim()) take(JSON.parse(line) as Message)
  })
  const take = (message: Message) => {
    if (message.event !== undefined) {
      const event: QmpEvent = { event: message.event, ...(message.data && { data: message.data }) }
      for (const listener of listeners) listener(event)
      onEvent(event)
    } else if (message.id !== undefined) {
      const waiter = answers.get(message.id)
      if (message.error) waiter?.reject(new Fault('unavailable', 'nova.qmp.refused', message.error.desc, { detail: { class: message.error.class } }))
      else waiter?.resolve(message.return)
    }
  }
  /** Runs `start` with the two ends of a promise; `cleanup` runs however it ends. */
  const waiting = (what: string, deadlineMs: number, start: (waiter: Waiter) => () => void): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (state.closed) return Promise.reject(new Fault('unavailable', 'nova.qmp.closed', 'the connection to QEMU ended'))
    const forget = start({ resolve, reject })
    failures.add(reject)
    const cancel = clock.after(deadlineMs, () => reject(new Fault('unavailable', 'nova.qmp.deadline', `QEMU did not answer ${what} within ${deadlineMs} ms`)))
    return promise.finally(() => { cancel(); forget(); failures.delete(reject) })
  }
  const qmp: Qmp = {
    execute: (command, args, deadlineMs = DEADLINE) => waiting(command, deadlineMs, waiter => {
      const id = state.next++
      answers.set(id, waiter)
      socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`)
      return () => answers.delete(id)
    }),
    event: (accept, deadlineMs) => waiting('with an event', deadlineMs, ({ resolve }) => {
      const listener = (event: QmpEvent) => { if (accept(event)) resolve(event) }
      listeners.add(listener)
      return () => listeners.delete(listener)
    }) as Promise<QmpEvent>,
    get closed() { return state.closed },
    close: () => { socket.destroy(); end() },
  }
  try {
    await qmp.execute('qmp_capabilities')
  } catch (error) {
    qmp.close()
    throw error
  }
  return qmp
}

function opened(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    socket.once('connect', () => resolve(socket))
    socket.once('error', cause => reject(new Fault('unavailable', 'nova.qmp.closed', `QEMU's monitor is not to be reached: ${cause.message}`, { cause })))
  })
}

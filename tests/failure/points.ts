// Listens at the socket of site.failure_points: every point that a task reaches in any controller comes here, and the task waits for leave to go on.
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import type { ToldPoint } from '@alto/serve'

/** A listener. */
export interface Points extends AsyncDisposable {
  /** Every point that was told so far, once each, in order. */
  readonly seen: ReadonlySet<string>
  /** Called when a point is reached; the task goes on when it resolves. What it throws is thrown by `check`. */
  hook: (point: ToldPoint, first: boolean) => Promise<void>
  /** Resolves when the point of that name is told next. */
  next(name: string): Promise<void>
  /** What `check` is to throw. */
  fail(error: unknown): void
  /** Throws what a hook threw. */
  check(): void
}

/** `nova server.create/claim afterDo`. */
export function nameOf(point: ToldPoint): string {
  return `${point.service} ${point.kind}/${point.step} ${point.moment}`
}

/** Listens at `path`. */
export async function listenForPoints(path: string): Promise<Points> {
  await rm(path, { force: true })
  const seen = new Set<string>()
  const failures: unknown[] = []
  const waiting = new Map<string, (() => void)[]>()
  const points: Points = {
    seen,
    hook: async () => {},
    next: name => new Promise(resolve => { waiting.set(name, [...waiting.get(name) ?? [], resolve]) }),
    fail: error => { failures.push(error) },
    check() { if (failures.length) throw failures[0] },
    async [Symbol.asyncDispose]() {
      await new Promise<void>(resolve => { server.close(() => resolve()) })
    },
  }
  const told = async (socket: Socket, line: string) => {
    const point = JSON.parse(line) as ToldPoint
    const first = !seen.has(nameOf(point))
    seen.add(nameOf(point))
    for (const resolve of waiting.get(nameOf(point)) ?? []) resolve()
    waiting.delete(nameOf(point))
    await points.hook(point, first).catch((error: unknown) => failures.push(error))
    socket.end('go\n')
  }
  const server = createServer(socket => {
    let text = ''
    socket.on('error', () => {}).on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.endsWith('\n')) void told(socket, text)
    })
  })
  await new Promise<void>(resolve => { server.listen(path, resolve) })
  return points
}

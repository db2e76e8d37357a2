// A TCP listener inside a network namespace that this process is not in: a short-lived child enters the namespace,
// opens the socket, passes it over its IPC channel and ends. The socket stays in the namespace where it was made.
import { spawn } from 'node:child_process'
import type { Server } from 'node:net'
import { systemClock } from '../clock/index.ts'
import { Fault } from '../errors/index.ts'
import { inNamespace } from './namespaces.ts'

const OPEN = `
  const [, address, port] = process.argv
  const server = require('node:net').createServer()
  server.on('error', error => { process.stderr.write(error.message); process.exit(1) })
  server.listen({ host: address, port: Number(port) }, () => process.send('listening', server))
  process.on('disconnect', () => process.exit(0))`

/**
 * A server that listens on `address`:`port` inside `netns`; the caller handles its 'connection' events and closes it.
 * Throws Fault('unavailable', 'host.listenFailed') with the reason, or when it took longer than 10 s.
 */
export function listenIn(netns: string, address: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = inNamespace(netns, [process.execPath, '-e', OPEN, '--', address, String(port)])
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    const inTime = systemClock.after(10_000, () => child.kill('SIGKILL'))       // spawn's own timeout would hold this process for as long
    let words = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => { words += text })
    child.on('error', cause => reject(new Fault('unavailable', 'host.listenFailed', `${address}:${port} in ${netns}: ${cause.message}`, { cause })))
    child.on('message', (_, handle) => { inTime(); child.disconnect(); resolve(handle as Server) })
    child.on('close', () => { inTime(); reject(new Fault('unavailable', 'host.listenFailed', `${address}:${port} in ${netns}: ${words.trim() || 'the child did not answer'}`)) })
  })
}

// How the command line speaks to a running cloud: a unix socket in its run directory, which only the cloud's own user can open.
import { chmod, mkdir, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Fault, isFault, messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'

/** What a cloud answers on its socket, by name: `POST /NAME` with a JSON object. */
export type Commands = Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => Promise<unknown>>>

const SOCKET = 'control.sock'

/** Serves `commands` in `run`: 200 with what a command gives, 400 for what is no JSON object, 404 for no command, 409 for a Fault, 500 for a bug. */
export async function serveControl(run: string, commands: Commands, log: Log): Promise<{ close(): Promise<void> }> {
  await mkdir(run, { recursive: true, mode: 0o700 })
  const path = join(run, SOCKET)
  await rm(path, { force: true })
  const server = createServer((req, res) => {
    const answer = (status: number, body: unknown) => { res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? null)) }
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const name = req.url?.slice(1) ?? ''
      const command = Object.hasOwn(commands, name) ? commands[name] : undefined
      if (!command) { answer(404, { message: `This process does not know the command ${name}: it knows ${Object.keys(commands).join(', ')}.` }); return }
      const input = objectIn(Buffer.concat(chunks).toString())
      if (!input) { answer(400, { message: 'What a command is given is a JSON object.' }); return }
      command(input).then(body => answer(200, body), (error: unknown) => answer(isFault(error) ? 409 : 500, { message: messageOf(error) }))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', error => log.error({ reason: error.message }, 'the control socket failed to accept a connection'))       // unheard, it would end the process
  await chmod(path, 0o600)
  return {
    async close() {
      server.closeAllConnections()
      await new Promise<void>(resolve => { server.close(() => resolve()) })
      await rm(path, { force: true })
    },
  }
}

/** The JSON object in `text`, none being an empty one; undefined when it is something else. */
function objectIn(text: string): Record<string, unknown> | undefined {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

/** True when somebody serves commands in `run`, even one who does not answer at present. */
export function hasControl(run: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(join(run, SOCKET))
    socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false))
  })
}

/** Asks a running cloud. Throws Fault('unavailable', 'control.notRunning') when nobody answers, Fault('conflict', 'control.refused') with its own words. */
export function askControl(run: string, command: string, input: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: join(run, SOCKET), path: `/${command}`, method: 'POST' }, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as unknown
        if (res.statusCode === 200) resolve(body)
        else reject(new Fault('conflict', 'control.refused', (body as { message: string }).message))
      })
    })
    req.on('error', cause => reject(new Fault('unavailable', 'control.notRunning', 'The cloud does not answer: it is not running, or is just starting or stopping.', { cause })))
    req.end(JSON.stringify(input))
  })
}

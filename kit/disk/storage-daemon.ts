// qemu-storage-daemon, a process for each block export: on the host of a disk it serves the file to another host, on that other host it serves what it reaches
// there to a guest's emulator. Between the two runs NBD over TLS with a key that both ends derive, so that no key is stored elsewhere or travels.
//
// Properties: the process outlives us and is found again by its pidfile; what it was started with lies beside it, so that one which serves something else is
// replaced; its name stands in its arguments, so that an audit finds it whatever became of its directory. One client at a time is let in.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock/index.ts'
import { linkKey } from '../data-link/index.ts'
import { Fault } from '../errors/index.ts'
import { daemonOf, endProcess, processesWith, startDaemon, type ProcessIdentity } from '../host/index.ts'

/** One daemon: what it opens and where it listens. */
export interface StorageDaemon {
  /** Known by it among all processes of the machine: a letter, then letters, digits, `.`, `-` and `_`. */
  readonly name: string
  /** An absolute path of its own: pidfile, key, last words; made with mode 0700. */
  readonly directory: string
  /** Which end of the TLS it is, and the key of that end. */
  readonly tls: { readonly endpoint: 'server' | 'client', readonly identity: string, readonly key: string }
  /** The block node, without a name: as QEMU's BlockdevOptions. The file of a server; for a client the server's address and export, the TLS is added. */
  readonly blockdev: Readonly<Record<string, unknown>>
  /** A server's is reached over TLS only; a client's is a unix socket. */
  readonly listen: { readonly type: 'inet', readonly host: string, readonly port: string } | { readonly type: 'unix', readonly path: string }
  readonly exportName: string
  readonly readOnly: boolean
}

/** A daemon that runs. `name` is its own; its pid serves as what an audit shows. */
export interface RunningStorageDaemon {
  readonly name: string
  readonly process: ProcessIdentity
}

const START_DEADLINE = 10_000
const START_POLL = 20

/** The key of an attachment: that of `volume/ATTACHMENT_ID` (kit/data-link), in hexadecimal. */
export function attachmentKey(dataSecret: string, attachmentId: string): string {
  return linkKey(dataSecret, `volume/${attachmentId}`).toString('hex')
}

/**
 * Starts the daemon unless it runs already and is just that; resolves when it listens. A client connects before it listens. `onEnd` is called when it ends while we run.
 * Throws Fault unavailable `host.commandFailed` with its last words, `host.commandMissing`, `host.deadline`.
 */
export async function keepStorageDaemon(daemon: StorageDaemon, clock: Clock, onEnd: () => void): Promise<void> {
  const { directory, name } = daemon
  const argv = storageDaemonArguments(daemon)
  if (await storageDaemonIn(directory) && await readFile(join(directory, 'keys.psk'), 'utf8').catch(() => '') === keyLine(daemon) && await readFile(join(directory, 'arguments'), 'utf8').catch(() => '') === argumentsText(argv)) return
  await endStorageDaemons(name, clock)                    // another, or one that has not written its pidfile
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await writeFile(join(directory, 'keys.psk'), keyLine(daemon), { mode: 0o600 })
  await writeFile(join(directory, 'arguments'), argumentsText(argv), { mode: 0o600 })
  const { ended } = await startDaemon(argv, { words: join(directory, 'words') })
  const end: { fault?: Fault } = {}
  void ended.then(fault => { end.fault = fault; onEnd() })
  for (const until = clock.now() + START_DEADLINE; !await storageDaemonIn(directory); await clock.sleep(START_POLL)) {
    if (end.fault) throw end.fault
    if (clock.now() < until) continue
    await endStorageDaemons(name, clock)
    throw new Fault('unavailable', 'host.deadline', `qemu-storage-daemon was not ready within ${START_DEADLINE} ms`)
  }
}

/** The daemon whose directory this is, or undefined when it does not run. */
export function storageDaemonIn(directory: string): Promise<ProcessIdentity | undefined> {
  return daemonOf(join(directory, 'pid'))
}

/** True while a client waits to be let in at the TCP port of the daemon whose directory this is: another has the one place. */
export async function clientWaitsAt(directory: string): Promise<boolean> {
  const process = await storageDaemonIn(directory)
  const port = /"port":"(\d+)"/.exec((JSON.parse(await readFile(join(directory, 'arguments'), 'utf8').catch(() => '[]')) as string[]).find(word => word.startsWith('{"addr":')) ?? '')?.[1]
  if (!process || port === undefined) return false
  const tables = await Promise.all(['tcp', 'tcp6'].map(table => readFile(`/proc/${process.pid}/net/${table}`, 'utf8').catch(() => '')))
  const isWaitedAt = new RegExp(`:${Number(port).toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A [0-9A-F]{8}:(?!00000000)`)      // a listening socket (0A), and how many are in its queue
  return tables.some(table => isWaitedAt.test(table))
}

/** Ends the daemons whose names begin with `prefix`, wherever their directories are; returns when they are gone. */
export async function endStorageDaemons(prefix: string, clock: Clock): Promise<void> {
  for (const { process } of await storageDaemonsOf(prefix)) await endProcess(process, clock)
}

/** Every daemon of this machine whose name begins with `prefix`. */
export async function storageDaemonsOf(prefix: string): Promise<RunningStorageDaemon[]> {
  return (await processesWith(`"id":"${prefix}`)).flatMap(({ argv, ...process }) => {
    const name = argv.map(word => /^\{"qom-type":"tls-creds-psk","id":"([^"]+)"/.exec(word)?.[1]).find(found => found?.startsWith(prefix))
    return name === undefined ? [] : [{ name, process }]
  })
}

/** The command line. Everything is given as JSON, so that no value can end one option and begin another; the key is not in it. */
export function storageDaemonArguments({ name, directory, tls, blockdev, listen, exportName, readOnly }: StorageDaemon): [string, ...string[]] {
  const isServer = tls.endpoint === 'server'
  return [
    'qemu-storage-daemon',
    '--object', JSON.stringify({ 'qom-type': 'tls-creds-psk', 'id': name, 'endpoint': tls.endpoint, 'dir': directory, ...(!isServer && { username: tls.identity }) }),
    '--blockdev', JSON.stringify({ ...blockdev, 'node-name': 'disk', 'read-only': readOnly, 'discard': 'unmap', ...(!isServer && { 'tls-creds': name }) }),
    '--nbd-server', JSON.stringify({ 'addr': listen, 'max-connections': 1, ...(isServer && { 'tls-creds': name }) }),
    '--export', JSON.stringify({ 'type': 'nbd', 'id': 'export', 'node-name': 'disk', 'name': exportName, 'writable': !readOnly }),
    '--pidfile', join(directory, 'pid'),
  ]
}

function keyLine({ tls }: StorageDaemon): string {
  return `${tls.identity}:${tls.key}\n`
}

function argumentsText(argv: readonly string[]): string {
  return JSON.stringify(argv)
}

// Starting a process that is to outlive us, when it must not fork by itself (a seccomp sandbox that is in force from the start forbids it).
// It leads a session of its own; what it says before it is ready goes to a file, so that nothing of ours is held open.
import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { Fault } from '../errors/index.ts'
import { inNamespace } from './namespaces.ts'

/** A daemon that was started. */
export interface StartedDaemon {
  /** Resolves with a Fault unavailable `host.commandFailed` (its last words in the message) when it ends, if that is while we run. */
  readonly ended: Promise<Fault>
}

/**
 * Starts `argv` in network namespace `netns` (ours when not given), its output going to the file `words`, which is overwritten, and `env` added to a small environment.
 * Throws Fault unavailable `host.commandMissing` when there is no such program. Whether it is ready is for the caller to find out.
 */
export async function startDaemon(argv: readonly [string, ...string[]], opts: { words: string, netns?: string, env?: Readonly<Record<string, string | undefined>> }): Promise<StartedDaemon> {
  const [program, ...args] = inNamespace(opts.netns ?? '', argv)
  await using words = await open(opts.words, 'w', 0o600)
  const child = spawn(program, args, {
    detached: true, stdio: ['ignore', words.fd, words.fd], env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...opts.env },
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', cause => reject(new Fault('unavailable', 'host.commandMissing', `${program}: ${cause.message}`, { cause })))
  })
  child.unref()
  const ended = new Promise<Fault>(resolve => {
    child.once('exit', (code, signal) => void readFile(opts.words, 'utf8').catch(() => '').then(text => resolve(
      new Fault('unavailable', 'host.commandFailed', `${argv[0]} ended with ${signal ?? code}: ${text.trim().split('\n').at(-1) || 'no output'}`, { detail: { words: text.slice(0, 4000) } }))))
  })
  return { ended }
}

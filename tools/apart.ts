// Whole clouds meet neither the machine's network nor another run's: `node tools/apart.ts SCRIPT ARG...` runs a script in namespaces of its own.
import { spawn } from 'node:child_process'

/** The command in a network and mount namespace of its own, so that whole clouds meet neither the machine's network nor another run's; as it is where we may not make them. In a plain chroot `/` is no mount, and cannot be made private; there it need not be. */
export function apart(command: readonly string[]): readonly string[] {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return command
  return ['unshare', '--net', '--mount', '--propagation', 'unchanged', 'sh', '-c', 'mount --make-rprivate / 2>/dev/null; mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up && exec "$@"', 'sh', ...command]
}

if (import.meta.main) {
  const [program, ...args] = apart([process.execPath, ...process.argv.slice(2)])
  const child = spawn(program!, args, { stdio: 'inherit' })
  child.on('exit', (code, signal) => { process.exitCode = code ?? (signal === null ? 0 : 1) })
}

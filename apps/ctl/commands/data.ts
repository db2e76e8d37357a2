// The data directory, as the commands name it.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import type { Command } from 'commander'
import { askControl } from '@alto/allinone/control'
import { isHeld } from '@alto/allinone/data-directory'
import { Fault } from '@alto/kit/errors'

/** Adds a command's function to the program; `exits` sets the exit code. */
export type AddCommand = (program: Command, exits: (code: number) => void) => void

/** Adds `--data DIR`. */
export function withData(command: Command): Command {
  return command.option('--data <dir>', 'the data directory', 'var')
}

/** The run directory of the cloud in `dir`. Throws Fault('notFound', 'ctl.noCloud') when there is none. */
export async function runDirectory(dir: string): Promise<string> {
  const text = await readFile(join(dir, 'cloud.json'), 'utf8').catch(() => undefined)
  if (text === undefined) throw new Fault('notFound', 'ctl.noCloud', `There is no cloud in ${resolve(dir)}. "./alto up" makes one; --data DIR names another place.`)
  const { id } = JSON.parse(text) as { id: string }
  const uid = process.getuid?.() ?? 0
  return uid === 0 ? join('/run/alto', id) : join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `alto-${uid}-${id}`)
}

/** Asks the running cloud in `dir`. Throws Fault('unavailable', 'ctl.notRunning') when it does not run. */
export async function ask(dir: string, command: string, input: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const run = await runDirectory(dir)
  if (!isHeld(dir)) throw new Fault('unavailable', 'ctl.notRunning', `The cloud in ${resolve(dir)} is not running. Start it with "./alto up".`)
  return askControl(run, command, input)
}

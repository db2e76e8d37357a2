// The data directory, as the commands name it.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import type { Command } from 'commander'
import { askControl } from '@alto/site/control'
import { isHeld } from '@alto/allinone/data-directory'
import { Fault, messageOf } from '@alto/kit/errors'

/** Adds a command's function to the program; `exits` sets the exit code. */
export type AddCommand = (program: Command, exits: (code: number) => void) => void

/** Adds `--data DIR`. */
export function withData(command: Command): Command {
  return command.option('--data <dir>', 'the data directory', 'var')
}

/** Adds `--data DIR` and `--config FILE`: a cloud in one process, or a process of a site. */
export function withCloud(command: Command): Command {
  return withData(command).option('--config <file>', 'the configuration of a site ("./alto serve"), whose process on this machine is meant')
}

/** What `withCloud` gives. */
export interface CloudFlags { data: string, config?: string }

/** Asks the running cloud, or the site's process on this machine. Throws Fault('unavailable', 'ctl.notRunning' | 'control.notRunning') when it does not run. */
export async function askCloud(flags: CloudFlags, command: string, input: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  if (flags.config === undefined) return ask(flags.data, command, input)
  const { processDirectory } = await import('@alto/serve')
  return askControl(processDirectory({ file: flags.config, text: await configText(flags.config), environment: process.env }), command, input)
}

/** The text of `--config`. */
export async function configText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => { throw new Fault('badRequest', 'ctl.config', `--config: ${messageOf(cause)}`, { cause }) })
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

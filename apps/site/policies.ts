// The policy of each service: its declared rules with the operator's file on top, read again when the file changes.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import { messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { enforcer, policySet, type CheckKind, type Enforcer, type Rule } from '@alto/kit/policy'

/** How often the file is looked at, milliseconds. */
const LOOK = 1000

/** A policy that follows its file. */
export interface LivePolicy {
  current(): Enforcer
  /** Reads the file now. Throws Fault('badRequest', 'policy.badExpression' | 'policy.badFile' | 'policy.cycle') and keeps what held. */
  reload(): Promise<void>
  stop(): void
}

/**
 * The policy of `service`: `DIR/cinder.yaml`, or `cinder.json`, which is honoured and called deprecated; without a directory, as declared. A bad file at the
 * start is an error; later it is logged and the old rules hold.
 */
export async function livePolicy(dir: string | undefined, service: string, declared: readonly Rule[], deps: { clock: Clock, log: Log, kinds?: Readonly<Record<string, CheckKind>> }): Promise<LivePolicy> {
  const files = dir === undefined ? [] : [join(dir, `${service}.yaml`), join(dir, `${service}.json`)]
  let seen = ''
  let enforce = enforcer(policySet(declared), deps.kinds)
  let cancel = () => {}
  let stopped = false

  async function find(): Promise<{ file: string, stamp: string } | undefined> {
    for (const file of files) {
      const at = await stat(file).catch(() => undefined)
      if (at) return { file, stamp: `${file} ${at.mtimeMs} ${at.size} ${at.ino}` }
    }
    return undefined
  }

  async function reload(): Promise<void> {
    const found = await find()
    seen = found?.stamp ?? ''
    const set = policySet(declared, found ? { overrides: { file: found.file, text: await readFile(found.file, 'utf8') } } : {})
    for (const warning of set.warnings) deps.log.warn({ service }, warning)
    enforce = enforcer(set, deps.kinds)
  }

  async function look(): Promise<void> {
    if ((await find())?.stamp !== (seen || undefined)) await reload().catch((error: unknown) => deps.log.error({ service, reason: messageOf(error) }, 'the policy file is not used: the rules from before hold'))
    if (!stopped) cancel = deps.clock.after(LOOK, () => void look())
  }

  await reload()
  if (files.length > 0) cancel = deps.clock.after(LOOK, () => void look())
  return { current: () => enforce, reload, stop: () => { stopped = true; cancel() } }
}

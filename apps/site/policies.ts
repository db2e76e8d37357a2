// The policy of each service: its declared rules with the operator's files on top, read again when they change.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@alto/kit/clock'
import type { Values } from '@alto/kit/config'
import { messageOf } from '@alto/kit/errors'
import type { Log } from '@alto/kit/log'
import { enforcer, policySet, type policyOptions, type CheckKind, type Enforcer, type PolicyFile, type Rule } from '@alto/kit/policy'

/** How often the files are looked at, milliseconds. */
const LOOK = 1000

/** A policy that follows its files. */
export interface LivePolicy {
  current(): Enforcer
  /** Reads the files now. Throws Fault('badRequest', 'policy.badExpression' | 'policy.badFile' | 'policy.cycle') and keeps what held. */
  reload(): Promise<void>
  stop(): void
}

/** What a policy is made with. */
interface PolicyDeps { clock: Clock, log: Log, options: Values<typeof policyOptions>, kinds?: Readonly<Record<string, CheckKind>> }

/**
 * The policy of `service` (policyFiles); without a directory, as declared. A bad file at the start is an error; later it is logged and the old rules hold.
 */
export async function livePolicy(dir: string | undefined, service: string, declared: readonly Rule[], deps: PolicyDeps): Promise<LivePolicy> {
  let seen = ''
  let enforce = enforcer(policySet(declared, deps.options), deps.kinds)
  let cancel = () => {}
  let stopped = false

  async function stamp(): Promise<string> {
    const stats = await Promise.all((await fileNames(dir, service)).map(async file => ({ file, at: await stat(file).catch(() => undefined) })))
    return stats.map(({ file, at }) => `${file} ${at?.mtimeMs} ${at?.size} ${at?.ino}`).join('\n')
  }

  async function reload(): Promise<void> {
    seen = await stamp()
    const set = policySet(declared, { ...deps.options, overrides: await policyFiles(dir, service) })
    for (const warning of set.warnings) deps.log.warn({ service }, warning)
    enforce = enforcer(set, deps.kinds)
  }

  async function look(): Promise<void> {
    if (await stamp() !== seen) await reload().catch((error: unknown) => deps.log.error({ service, reason: messageOf(error) }, 'the policy file is not used: the rules from before hold'))
    if (!stopped) cancel = deps.clock.after(LOOK, () => void look())
  }

  await reload()
  if (dir !== undefined) cancel = deps.clock.after(LOOK, () => void look())
  return { current: () => enforce, reload, stop: () => { stopped = true; cancel() } }
}

/** The operator's files for a service: `DIR/cinder.yaml` or, deprecated, `cinder.json`; then those of `DIR/cinder.d/` by name. */
export async function policyFiles(dir: string | undefined, service: string): Promise<PolicyFile[]> {
  return Promise.all((await fileNames(dir, service)).map(async file => ({ file, text: await readFile(file, 'utf8') })))
}

async function fileNames(dir: string | undefined, service: string): Promise<string[]> {
  if (dir === undefined) return []
  const below = async (path: string) => (await readdir(path).catch(() => [])).toSorted((a, b) => a.localeCompare(b)).map(name => join(path, name))
  const main = [join(dir, `${service}.yaml`), join(dir, `${service}.json`)]
  const there = new Set(await below(dir))
  const first = main.find(file => there.has(file))
  return [...first === undefined ? [] : [first], ...(await below(join(dir, `${service}.d`))).filter(file => /\.(yaml|yml|json)$/.test(file))]
}

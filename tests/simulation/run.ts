// The simulation from the command line: node tests/simulation/run.ts [--seed S] [--steps N] [--runs N] [--trace]. Prints each run's seed first, so that one that
// never ends is known too; exits 1 at the first that finds a bug. `--trace` writes everything that happens, logs included.
import { parseArgs } from 'node:util'
import { systemClock } from '@alto/kit/clock'
import { systemIds } from '@alto/kit/ids'
import type { Log } from '@alto/kit/log'
import { Broken, simulate } from './simulate.ts'

const { values } = parseArgs({ options: { seed: { type: 'string' }, steps: { type: 'string', default: '10000' }, runs: { type: 'string', default: '1' }, trace: { type: 'boolean', default: false } } })

const written = (fields: object): Log => {
  const write = (name: string) => (more: object, message: string) => { console.log(`    ${name}: ${message} ${JSON.stringify({ ...fields, ...more }, (_key, value: unknown) => value instanceof Error ? value.stack : value)}`) }
  return { debug() {}, info: write('info'), warn: write('warn'), error: write('error'), child: more => written({ ...fields, ...more }) }
}

for (let run = 0; run < Number(values.runs); run++) {
  const seed = values.seed === undefined ? String(systemIds.below(1_000_000_000)) : run === 0 ? values.seed : `${values.seed}.${run}`
  console.log(`seed ${seed}`)
  const began = systemClock.now()
  try {
    const result = await simulate({ seed, steps: Number(values.steps), ...(values.trace && { tell: console.log, log: written({}) }) })
    console.log(`  ${result.steps} steps, ${Math.round(result.passed / 1000)} s of the cloud in ${((systemClock.now() - began) / 1000).toFixed(1)} s, ${result.lines} lines, hash ${result.hash.slice(0, 16)}`)
  } catch (error) {
    console.log(error instanceof Broken ? error.message : error)
    process.exitCode = 1
    break
  }
}

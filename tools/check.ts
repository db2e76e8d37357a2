// `npm run check`: types, lint, layers, house lints and generated files, two at a time; prints what failed and how long each took.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const AT_ONCE = 2

/** One program of the check, with its arguments after node. */
interface Step {
  readonly name: string
  readonly argv: readonly string[]
}

const STEPS: readonly Step[] = [
  { name: 'types', argv: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  { name: 'lint', argv: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--format=unix'] },
  { name: 'layers', argv: ['tools/check-layers.ts'] },
  { name: 'house lints', argv: ['tools/lints/index.ts'] },
  { name: 'generated files', argv: ['tools/gen-docs.ts', '--check'] },
]

/** Runs every step; gives the names of those that failed. `say` gets a block of text as each step ends. */
export async function check(steps: readonly Step[], say: (text: string) => void): Promise<string[]> {
  const waiting = [...steps]
  const failed: string[] = []
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const { code, output, seconds } = await runStep(step)
      if (code !== 0) failed.push(step.name)
      say(`${code === 0 ? 'ok    ' : 'FAILED'} ${step.name} (${seconds.toFixed(1)} s)${code === 0 ? '' : `\n${output.trimEnd()}\n`}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return failed
}

function runStep({ argv }: Step): Promise<{ code: number, output: string, seconds: number }> {
  const started = performance.now()
  return new Promise(done => {
    const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}` } })
    let output = ''
    const keep = (chunk: Buffer) => { output += chunk.toString() }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const end = (code: number) => done({ code, output, seconds: (performance.now() - started) / 1000 })
    child.on('error', error => { output += error.message; end(1) })
    child.on('close', code => end(code ?? 1))
  })
}

if (import.meta.main) {
  const failed = await check(STEPS, text => console.log(text))
  console.log(failed.length === 0 ? 'all checks passed' : `failed: ${failed.join(', ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

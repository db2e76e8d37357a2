// A node:test reporter for tools/test.ts: writes, as JSON, the counts, the files without tests, and the tests that were skipped.
import { relative, resolve } from 'node:path'

/** What one run of node --test left. */
export interface TestReport {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Files, from the working directory, that brought no test. */
  readonly empty: readonly string[]
  /** `file: test: reason`. */
  readonly skips: readonly string[]
}

interface TestEvent {
  readonly type: string
  readonly data: { readonly name?: string, readonly file?: string, readonly skip?: string | boolean, readonly todo?: string | boolean, readonly details?: { readonly type?: string } }
}

/** Reads the events of one run and yields the TestReport as JSON at its end. Tests marked todo count as skipped. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const empty: string[] = []
  const skips: string[] = []
  let passed = 0
  let failed = 0
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const file = data.file === undefined ? '' : relative(process.cwd(), data.file)
    if (type === 'test:pass' && data.name !== undefined && resolve(data.name) === data.file) {       // node's stand-in for a file without tests
      empty.push(file)
      continue
    }
    if (data.details?.type === 'suite') continue
    const excused = data.skip ?? data.todo
    if (excused !== undefined && excused !== false) skips.push(`${file}: ${data.name}: ${excused === true || excused === '' ? 'no reason given' : excused}`)
    else if (type === 'test:pass') passed++
    else failed++
  }
  yield JSON.stringify({ passed, failed, skipped: skips.length, empty, skips } satisfies TestReport)
}

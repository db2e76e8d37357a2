// No file over 600 lines, no folder over 25 sources: beyond that nobody finds anything.
import { dirname } from 'node:path'
import type { Lint } from './lint.ts'

const LINES = 600
const SOURCES = 25

/** Files and folders that outgrew themselves. */
export const size: Lint = {
  name: 'size',
  check(files) {
    const sources = files.filter(file => file.path.endsWith('.ts'))
    const long = sources.map(file => ({ path: file.path, lines: file.text.split('\n').length - 1 })).filter(file => file.lines > LINES)
    const folders = Map.groupBy(sources.filter(file => !file.path.endsWith('.test.ts') && !file.path.startsWith('tests/')), file => dirname(file.path))
    return [
      ...long.map(({ path, lines }) => ({ path, line: LINES + 1, said: `${lines} lines; a noun that outgrows 400 becomes a folder of verbs, ${LINES} is the end` })),
      ...[...folders].filter(([, members]) => members.length > SOURCES).map(([path, members]) => ({ path, line: 1, said: `${members.length} sources in one folder; at ${SOURCES} group them by the API's own sections, the same in every room` })),
    ]
  },
  refuses: [{ 'kit/a.ts': 'x\n'.repeat(LINES + 1) }, Object.fromEntries(Array.from({ length: SOURCES + 1 }, (_, i) => [`kit/a/${i}.ts`, '']))],
  accepts: [{ 'kit/a.ts': 'x\n'.repeat(LINES) }, Object.fromEntries(Array.from({ length: SOURCES }, (_, i) => [`kit/a/${i}.ts`, '']))],
}

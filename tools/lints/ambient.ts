// Time and randomness are arguments (kit/clock, kit/ids), so that one seed replays a run. Tests wait for conditions, never for a while.
import { matches, type Lint } from './lint.ts'

const AMBIENT = /\b(Date\.now\(|new Date\(\)|Math\.random\(|(?<!\.)setTimeout\(|(?<!\.)setInterval\(|performance\.now\(|crypto\.randomUUID\(|(?<![.\w])randomUUID\(|(?<![.\w])randomBytes\(|(?<![.\w])randomInt\()/gm
const SOURCES = /^kit\/(clock|ids)\/|^tools\/|^tests\/(perf)\/|^guest\//

/** The machine's clock, timers and random numbers outside kit/clock and kit/ids. */
export const ambient: Lint = {
  name: 'ambient',
  check: files => files.filter(file => file.path.endsWith('.ts') && !SOURCES.test(file.path))
    .flatMap(file => matches(file, AMBIENT, match => `${match[1]}…): take a Clock or Ids as an argument`)),
  refuses: [{ 'services/nova/manager/a.ts': 'const t = Date.now()\n' }, { 'kit/task/a.ts': 'setTimeout(() => {}, 3)\n' }, { 'kit/task/a.test.ts': 'await new Promise(done => setTimeout(done, 3))\n' }, { 'kit/a.ts': 'const id = `${randomUUID()}`\n' }],
  accepts: [{ 'kit/clock/index.ts': 'Date.now()\n', 'kit/a.ts': '// Date.now() is not for us\nconst said = \'Date.now()\'\nconst day = new Date(0)\nsocket.setTimeout(3)\n' }],
}

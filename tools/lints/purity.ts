// A model is facts and rules: it waits for nothing, so it can be tested with nothing and run at any time.
import { matches, type Lint } from './lint.ts'

/** Waiting in a model. */
export const purity: Lint = {
  name: 'purity',
  check: files => files.filter(file => /^services\/[^/]+\/model\//.test(file.path) && !file.path.endsWith('.test.ts'))
    .flatMap(file => matches(file, /\b(async|await|Promise)\b/gm, match => `${match[1]} in a model: waiting is the manager's work`)),
  refuses: [{ 'services/nova/model/a.ts': 'export async function a(): Promise<void> {}\n' }],
  accepts: [{ 'services/nova/model/a.ts': '// no async here\n', 'services/nova/store/a.ts': 'export async function a() {}\n' }],
}

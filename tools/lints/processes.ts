// Commands run through kit/host only: argument arrays, deadlines, limits. A spawn elsewhere once hung a cloud for good.
import { isTestOrTool, matches, type Lint } from './lint.ts'

/** Imports of node:child_process outside kit/host. */
export const processes: Lint = {
  name: 'processes',
  check: files => files.filter(file => file.path.endsWith('.ts') && !file.path.startsWith('kit/host/') && !isTestOrTool(file.path))
    .flatMap(file => matches(file, /^\s*(?:import|export)\b[^;\n]*from\s*['"](?:node:)?child_process['"]|import\(['"](?:node:)?child_process['"]\)/gm, () => 'run commands through @alto/kit/host', 'text')),
  refuses: [{ 'services/nova/driver/a.ts': 'import { spawn } from \'node:child_process\'\n' }],
  accepts: [{ 'kit/host/run.ts': 'import { spawn } from \'node:child_process\'\n', 'tests/e2e/a.test.ts': 'import { spawn } from \'node:child_process\'\n' }],
}

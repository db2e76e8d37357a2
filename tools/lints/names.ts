// No utils, helpers, common, misc, types: names that say nothing collect everything.
import type { Lint } from './lint.ts'

const EMPTY = /(^|\/)(utils?|helpers?|common|misc|shared|types)(\.ts$|\/)/

/** Files and folders named after nothing. */
export const names: Lint = {
  name: 'names',
  check: files => files.filter(file => EMPTY.test(file.path) && file.path.endsWith('.ts'))
    .map(({ path }) => ({ path, line: 1, said: 'name it after the noun it holds' })),
  refuses: [{ 'services/nova/model/types.ts': '' }, { 'kit/utils/a.ts': '' }, { 'kit/db/helpers.ts': '' }],
  accepts: [{ 'services/cinder/model/volume-types.ts': '' }],
}

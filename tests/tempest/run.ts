// `npm run tempest -- REGEX`: OpenStack's own tests against a cloud of fake guests that is started for it; what failed is printed with its traceback.
import { fakeCloud } from './cloud.ts'
import { runTempest } from './tempest.ts'

const [regex = '^tempest\\.api\\.'] = process.argv.slice(2)
await using cloud = await fakeCloud()
const { passed, failed, skipped, log } = await runTempest(cloud, cloud.dir, { regex })
if (failed.length) console.log(log.slice(log.indexOf('Captured traceback') - 500))
for (const name of failed) console.log(`failed: ${name}`)
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`)
process.exitCode = failed.length === 0 ? 0 : 1

// The entry: switches the compile cache on, then loads the CLI. It is JavaScript because the cache must be on before the first .ts file.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? fileURLToPath(new URL('../../.cache/compile', import.meta.url)))
// Memory of buffers counts towards the heap's limit. Else every 64 MB of them collect the whole heap, and images stream at half their speed.
setFlagsFromString('--external-memory-accounted-in-global-limit')
const { main } = await import('./main.ts')
const alive = setInterval(() => {}, 2 ** 30)          // a command that only waits for time is not over: the clock's timers do not hold the process
process.exitCode = await main(process.argv.slice(2))
clearInterval(alive)

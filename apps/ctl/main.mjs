// The entry: switches the compile cache on, then loads the CLI. It is JavaScript because the cache must be on before the first .ts file.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(process.env['NODE_COMPILE_CACHE'] ?? fileURLToPath(new URL('../../.cache/compile', import.meta.url)))
const { main } = await import('./main.ts')
const alive = setInterval(() => {}, 2 ** 30)          // a command that only waits for time is not over: the clock's timers do not hold the process
process.exitCode = await main(process.argv.slice(2))
clearInterval(alive)

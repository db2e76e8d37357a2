// Golden files of contracts: what was once promised to agents in the field is not changed by accident.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import type { Contract, Method } from '../rpc/index.ts'

interface Blessed { readonly name: string, readonly version: string, readonly methods: Readonly<Record<string, Method>> }

/**
 * Asserts that `contract` is the one frozen as `NAME-VERSION.json` in `directory` (a URL that ends in a slash), and that it still has every method,
 * unchanged, of the older versions of its major that are frozen there. With ALTO_BLESS=1 in the environment, a version that has no file gets it; a file
 * that exists is never written: a change to it is a new version.
 */
export async function assertBlessed<Interface>(contract: Contract<Interface>, directory: URL): Promise<void> {
  const now = plain(contract)
  const file = new URL(`${contract.name}-${contract.version}.json`, directory)
  const frozen = await readBlessed(file)
  if (frozen === undefined) {
    assert.equal(process.env['ALTO_BLESS'], '1', `${contract.name} ${contract.version} is not blessed: run its test with ALTO_BLESS=1 and commit ${file.pathname}`)
    await mkdir(directory, { recursive: true })
    await writeFile(file, `${JSON.stringify(now, null, 2)}\n`)
  } else {
    assert.deepEqual(now, frozen, `${contract.name} ${contract.version} is not what was blessed: give what is new a new version`)
  }
  for (const older of await blessedOf(contract, directory)) {
    for (const [method, entry] of Object.entries(older.methods)) {
      const { kind, since } = now.methods[method] ?? {}
      assert.deepEqual({ kind, since }, { kind: entry.kind, since: entry.since }, `${contract.name} ${contract.version} broke '${method}' of ${older.version}`)
    }
  }
}

function plain<Interface>(contract: Contract<Interface>): Blessed {
  const methods = Object.entries<Method>(contract.methods).toSorted(([a], [b]) => a < b ? -1 : 1)
  return { name: contract.name, version: contract.version, methods: Object.fromEntries(methods) }
}

async function readBlessed(file: URL): Promise<Blessed | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Blessed
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function blessedOf<Interface>(contract: Contract<Interface>, directory: URL): Promise<Blessed[]> {
  const [major, minor] = contract.version.split('.').map(Number)
  const older = (await readdir(directory)).filter(name => {
    const match = /^(.+)-(\d+)\.(\d+)\.json$/.exec(name)
    return match?.[1] === contract.name && Number(match[2]) === major && Number(match[3]) < minor!
  })
  return Promise.all(older.map(async name => JSON.parse(await readFile(new URL(name, directory), 'utf8')) as Blessed))
}

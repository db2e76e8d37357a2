// Images that scripts build, with scripts of one line.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandHost } from '../host/index.ts'
import { builtImage } from './index.ts'

/** A directory with a build script; `build` runs it, `kept` names what the cache holds. */
async function builder() {
  const directory = await mkdtemp(join(tmpdir(), 'alto-built-'))
  const [script, cache] = [join(directory, 'build.sh'), join(directory, 'cache')]
  let builds = 0
  return {
    writes: (text: string) => writeFile(script, text),
    build: () => builtImage(commandHost, { name: 'guest', script, cache, building: () => { builds++ } }),
    kept: async () => (await readdir(cache)).toSorted(),
    get builds() { return builds },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

test('an image is built once for each content of its script', async () => {
  await using it = await builder()
  await it.writes('echo first >"$1/disk.qcow2"')
  const first = await it.build()
  assert.equal(await it.build(), first)
  assert.equal(it.builds, 1)
  await it.writes('echo second >"$1/disk.qcow2"')
  const second = await it.build()
  assert.deepEqual([await readFile(first, 'utf8'), await readFile(second, 'utf8')], ['first\n', 'second\n'])
})

test('a build that fails leaves nothing, and is tried again', async () => {
  await using it = await builder()
  await it.writes('echo half >"$1/disk.qcow2"; exit 3')
  await assert.rejects(it.build())
  await assert.rejects(it.build())
  assert.deepEqual([it.builds, await it.kept()], [2, []])
})

test('when another process was first, its image is taken', async () => {
  await using it = await builder()
  await it.writes('other="${1%.*}"; mkdir "$other"; echo theirs >"$other/disk.qcow2"; echo ours >"$1/disk.qcow2"')
  assert.equal(await readFile(await it.build(), 'utf8'), 'theirs\n')
  assert.equal((await it.kept()).length, 1)
})

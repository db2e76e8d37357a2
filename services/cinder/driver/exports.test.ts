// Disks served to another host: real daemons, and as the other host a network namespace that a veth wire joins to ours. Needs root.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'
import { attachmentKey, qemuImg } from '@alto/kit/disk'
import { isFault } from '@alto/kit/errors'
import { addNamespace, commandHost, removeNamespace, type RunResult } from '@alto/kit/host'
import { systemIds } from '@alto/kit/ids'
import { freePort, until } from '@alto/kit/testing'
import { fileDisks } from './file.ts'

const SECRET = 'the data secret of a site'
const [DISK, COPY, ONE, TWO] = ['bbbbbbbb-0000-4000-8000-000000000001', 'bbbbbbbb-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000001', 'cccccccc-0000-4000-8000-000000000002'] as const
const GIB = 2 ** 30

describe('a disk that another host has', () => {
  const tag = systemIds.hex().slice(0, 8)
  const [there, wire, far, mark] = [`alto-${tag}-there`, `vw${tag}`, `vf${tag}`, `alto-${tag}-here`]
  const third = Number.parseInt(tag.slice(0, 2), 16)
  const [address, farAddress] = [`198.18.${third}.1`, `198.18.${third}.2`]
  let directory: string
  let port: number
  const options = () => ({ clock: systemClock, run: join(directory, 'run'), mark, address, secret: SECRET })
  const open = () => fileDisks({ directory, cloud: 'cloud', images: qemuImg(commandHost), exporting: options() })

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'alto-exports-'))
    await addNamespace(commandHost, there)
    await commandHost.run(['ip', 'link', 'add', 'name', wire, 'type', 'veth', 'peer', 'name', far, 'netns', there])
    for (const [device, own, netns] of [[wire, address, ''], [far, farAddress, there]] as const) {
      await commandHost.run(['ip', 'address', 'add', `${own}/30`, 'dev', device], { netns })
      await commandHost.run(['ip', 'link', 'set', 'dev', device, 'up'], { netns })
    }
    port = await freePort(address)
  })

  after(async () => {
    await open().endExports()
    await commandHost.run(['ip', 'link', 'delete', 'dev', wire])
    await removeNamespace(commandHost, there)
    await rm(directory, { recursive: true })
  })

  /** Runs qemu-io on the other host with a key of its own, or none; QEMU's own words in what it gives. */
  async function client(commands: readonly string[], how: { key?: string, attachmentId?: string, bare?: true } = {}): Promise<RunResult> {
    const { attachmentId = ONE, key = attachmentKey(SECRET, attachmentId) } = how
    const keys = join(directory, `keys-${systemIds.hex().slice(0, 8)}`)
    await mkdir(keys)
    await writeFile(join(keys, 'keys.psk'), `${attachmentId}:${key}\n`, { mode: 0o600 })
    const nbd = `driver=qcow2,file.driver=nbd,file.server.type=inet,file.server.host=${address},file.server.port=${port},file.export=${attachmentId},file.reconnect-delay=60`
    const tls = ['--object', `tls-creds-psk,id=tls,endpoint=client,dir=${keys},username=${attachmentId}`]
    return commandHost.run(['qemu-io', ...(how.bare ? [] : tls), '--image-opts', how.bare ? nbd : `${nbd},file.tls-creds=tls`, ...commands.flatMap(command => ['-c', command])], { netns: there, accept: [0, 1], deadline: 60_000 })
  }
  const daemons = async () => (await open().marked()).filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => Number(name))

  test('is read and written by who has the key of the attachment, and by nobody else', async () => {
    const disks = open()
    await disks.makeBlank(DISK, GIB)
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    assert.equal((await daemons()).length, 1)
    assert.match((await client(['write -P 7 0 64k', 'read -P 7 0 64k'])).stdout, /read 65536\/65536/)
    assert.match((await client(['read 0 64k'], { key: attachmentKey(SECRET, TWO) })).stderr, /TLS handshake failed/)
    assert.match((await client(['read 0 64k'], { attachmentId: TWO })).stderr, /TLS handshake failed/)
    assert.match((await client(['read 0 64k'], { bare: true })).stderr, /TLS negotiation required/)
    assert.equal((await stat(join(directory, 'run', DISK, ONE, 'keys.psk'))).mode & 0o777, 0o600)
    const words = await Promise.all((await daemons()).map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8')))
    assert.deepEqual(words.filter(argv => argv.includes(attachmentKey(SECRET, ONE)) || argv.includes(SECRET)), [])
  })

  test('is not opened by anybody on its own host meanwhile', async () => {
    assert.match((await commandHost.run(['qemu-io', '-f', 'qcow2', join(directory, 'cloud', DISK, 'disk.qcow2'), '-c', 'read 0 1'], { accept: [1] })).stderr, /lock/)
  })

  test('grows while it is used, and its host sees that', async () => {
    assert.match((await client(['truncate 3G', 'write -P 9 2900M 64k', 'read -P 9 2900M 64k'])).stdout, /read 65536\/65536/)
    const disks = open()
    assert.equal(await disks.look(DISK), 3 * GIB)
  })

  test('keeps every acknowledged byte when its daemon is killed in the middle of writing, and the writer goes on', async () => {
    const disks = open()
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    const [first] = await daemons()
    const ended = Promise.withResolvers<string>()
    process.kill(first!, 'SIGKILL')
    await until('no daemon is left', async () => (await daemons()).length === 0)
    await disks.serve(DISK, [{ attachmentId: ONE, port }])        // by this store, which hears of the next end
    using unwatching = new DisposableStack()
    unwatching.defer(disks.watch(id => { void disks.serve(DISK, [{ attachmentId: ONE, port }]).then(() => ended.resolve(id), ended.reject) }))
    const writing = client(Array.from({ length: 60 }, (_step, i) => [`write -P ${i + 1} ${i}M 1M`, 'sleep 20']).flat())
    const [second] = await daemons()
    const before = await allocated()
    await until('4 MiB are written', async () => await allocated() > before + 4 * 2 ** 20)
    process.kill(second!, 'SIGKILL')
    assert.equal(await ended.promise, DISK)
    const { stdout, code } = await writing
    assert.deepEqual([code, stdout.match(/wrote 1048576\/1048576/g)?.length], [0, 60])
    const { stdout: read } = await client(Array.from({ length: 60 }, (_step, i) => `read -P ${i + 1} ${i}M 1M`))
    assert.deepEqual([read.match(/read 1048576\/1048576/g)?.length, read.includes('failed')], [60, false])
  })

  test('is served by an agent that starts anew as it was: the daemon goes on, and one that ended without a witness is noticed', async () => {
    const before = await daemons()
    const disks = open()
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    assert.deepEqual([await daemons(), await disks.ailing()], [before, []])
    process.kill(before[0]!, 'SIGKILL')
    await until('no daemon is left', async () => (await daemons()).length === 0)
    assert.deepEqual(await disks.ailing(), [DISK])
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    assert.deepEqual(await disks.ailing(), [])
  })

  test('is let go of by a client that never left, when another waits for its place', async () => {
    const disks = open()
    await using _silent = silentClient(there, address, port)
    await until('the client is connected', async () => connected(port))
    const waiting = client(['read 0 64k'])
    await until('the disk is said to ail', async () => (await disks.ailing()).length > 0)
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    assert.equal((await waiting).code, 1, 'its turn had not come: it asks again')
    assert.match((await client(['read 0 64k'])).stdout, /read 65536\/65536/)
  })

  test('is not served where the port is taken, and is as soon as it is free', async () => {
    const disks = open()
    const taken = createServer().listen({ host: address, port: 0 })
    await new Promise(resolve => taken.once('listening', resolve))
    const other = (taken.address() as { port: number }).port
    await assert.rejects(disks.serve(DISK, [{ attachmentId: TWO, port: other }]), error => isFault(error, 'host.commandFailed') && /in use/.test((error as Error).message))
    assert.deepEqual(await daemons(), [])
    await new Promise(resolve => taken.close(resolve))
    await disks.serve(DISK, [{ attachmentId: TWO, port: other }])
    assert.equal((await daemons()).length, 1)
  })

  test('is served to nobody when it was taken back or removed: no process, no key', async () => {
    const disks = open()
    await disks.serve(DISK, [])
    assert.deepEqual([await daemons(), await readdir(join(directory, 'run'))], [[], []])
    await disks.grow(DISK, 4 * GIB)                       // the long file is a disk like any other
    await disks.makeCopy(COPY, { sourceId: DISK, bytes: GIB }, new AbortController().signal)
    assert.equal(await disks.look(COPY), 4 * GIB)
    await disks.remove(COPY)
    await disks.serve(DISK, [{ attachmentId: ONE, port }])
    await disks.remove(DISK)
    assert.deepEqual([await disks.marked(), await readdir(join(directory, 'run'))], [[], []])
  })

  async function allocated(): Promise<number> {
    return (await stat(join(directory, 'cloud', DISK, 'disk.qcow2'))).blocks * 512
  }

  async function connected(at: number): Promise<boolean> {
    return (await commandHost.run(['ss', '-Htn', 'state', 'established', `sport = :${at}`])).stdout.trim() !== ''
  }
})

/** A connection from a namespace that says nothing, as of a machine that went down. */
function silentClient(netns: string, address: string, port: number): AsyncDisposable {
  const ending = new AbortController()
  const ended = commandHost.run(['bash', '-c', `exec 3<>/dev/tcp/${address}/${port}; sleep 60`], { netns, deadline: 60_000, signal: ending.signal }).catch(() => undefined)
  return { async [Symbol.asyncDispose]() { ending.abort(); await ended } }
}

// A store in a pool of Ceph, by its `rbd` command: one RBD image a blob, with a protected snapshot `snap`, of which Nova and Cinder can make clones.
//
// Bytes are imported as KEY.partial and renamed when all is done, so KEY is whole or not there. When this process dies its imports end with what had come, under
// KEY.partial; a killed `rbd` leaves its image watched, which cannot be removed for half a minute: whoever sweeps comes again. `rbd` finds the monitors and the keyring by its configuration file:
// no secret passes through here.
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Fault } from '@alto/kit/errors'
import { startPiped, type Host, type Piped } from '@alto/kit/host'
import { bytesOf, type StoreSpec } from '../model/store-specs.ts'
import { partOf } from './skipping.ts'
import { checkedKey, MISSING, type ImageStore } from './store.ts'

const MIB = 1024 * 1024
/** Errors of the command, as it exits with them: not there, and there already. */
const [ENOENT, EEXIST] = [2, 17]
/** Milliseconds that one command may take; removing a large image takes long. */
const DEADLINE = 10 * 60_000
const SNAPSHOT = 'snap'

/** The store of `spec`, whose target is the pool. Asks the cluster for its id; one that does not answer now may later. */
export async function rbdStore(spec: StoreSpec, host: Host): Promise<ImageStore> {
  const pool = spec.target!
  if (!/^[\w.-]+$/.test(pool)) throw new Fault('badRequest', 'glance.stores.configured', `[glance] stores: ${spec.id} is in the pool ${pool}, which is no name of one.`)
  const { conf = '/etc/ceph/ceph.conf', user } = spec.settings
  const objectSize = bytesOf(spec, 'object_size', 8 * MIB, { atLeast: 4096, atMost: 32 * MIB })
  const access = ['--conf', conf, ...(user === undefined ? [] : ['--id', user])]
  const argv = (args: readonly string[]): [string, ...string[]] => ['rbd', ...access, ...args]
  const rbd = (args: readonly string[], accept: readonly number[] = [0]) => host.run(argv(args), { deadline: DEADLINE, accept })
  const at = (key: string) => `${pool}/${key}`
  const imports = new Map<string, Piped>()
  const fsid = await host.run(['ceph', ...access, '--connect-timeout', '5', 'fsid'], { deadline: 10_000 }).then(({ stdout }) => stdout.trim(), () => undefined)

  async function size(key: string): Promise<number | undefined> {
    const { code, stdout } = await rbd(['info', '--format', 'json', at(checkedKey(key))], [0, ENOENT])
    return code === ENOENT ? undefined : (JSON.parse(stdout) as { size: number }).size
  }
  /** The names of clones of the image. */
  async function clones(key: string): Promise<readonly string[]> {
    const { code, stdout } = await rbd(['children', '--format', 'json', `${at(checkedKey(key))}@${SNAPSHOT}`], [0, ENOENT])
    return code === ENOENT ? [] : (JSON.parse(stdout) as { pool: string, image: string }[]).map(clone => `${clone.pool}/${clone.image}`)
  }
  /** Ends an import of this process's own: with all that came, since an import that is killed keeps its image watched for half a minute. */
  async function stopImport(key: string): Promise<void> {
    const importing = imports.get(key)
    imports.delete(key)
    importing?.input.end()
    await importing?.ended.catch(() => {})
  }
  async function removeImage(name: string): Promise<void> {
    await rbd(['snap', 'unprotect', `${at(name)}@${SNAPSHOT}`], [0, ENOENT, 22])                 // 22: it is not protected
    await rbd(['snap', 'rm', '--no-progress', `${at(name)}@${SNAPSHOT}`], [0, ENOENT])
    await rbd(['rm', '--no-progress', at(name)], [0, ENOENT])
  }

  return {
    id: spec.id, kind: 'rbd', description: spec.description, weight: spec.weight, forgetsReaders: true, size,
    properties: { chunk_size: objectSize, pool, thin_provisioning: false, fsid: fsid ?? null },
    async write(key) {
      const partial = `${checkedKey(key)}.partial`
      await stopImport(key)
      await removeImage(partial)
      const importing = startPiped(argv(['import', '--no-progress', '--object-size', String(objectSize), '-', at(partial)]), { silentFor: DEADLINE })
      imports.set(key, importing)
      importing.output.resume()
      importing.output.on('error', () => {})                                                     // `ended` tells
      let committed = false
      return {
        async write(bytes) {
          if (importing.input.write(Buffer.from(bytes))) return
          await Promise.race([once(importing.input, 'drain'), importing.ended.then(() => { throw new Fault('unavailable', 'glance.store.answer', 'rbd took no more bytes') })])
        },
        async commit() {
          importing.input.end()
          await importing.ended
          imports.delete(key)
          await rbd(['snap', 'create', '--no-progress', `${at(partial)}@${SNAPSHOT}`], [0, EEXIST])
          await rbd(['snap', 'protect', `${at(partial)}@${SNAPSHOT}`], [0, 16])                  // 16: it is protected
          await rbd(['rename', at(partial), at(key)])
          committed = true
        },
        async abort() {
          if (committed) return
          await stopImport(key)
          await removeImage(partial)
        },
      }
    },
    async read(key, range) {
      const whole = await size(key)
      if (whole === undefined) throw new Fault(...MISSING)
      const exporting = startPiped(argv(['export', '--no-progress', at(key), '-']), { silentFor: DEADLINE })
      exporting.input.end()
      return range ? Readable.from(partOf(exporting.output, range), { objectMode: false }) : exporting.output
    },
    async remove(key) {
      await stopImport(checkedKey(key))
      await removeImage(`${key}.partial`)                                                        // first: what is not there any more cannot become KEY
      const using = await clones(key)
      if (using.length > 0) throw inUse(using)
      await removeImage(key)
    },
    async usedBy(key) {
      return (await clones(key))[0]
    },
    async* names() {
      yield* JSON.parse((await rbd(['ls', '--format', 'json', pool])).stdout) as string[]
    },
    urlOf: key => fsid === undefined ? `rbd://${checkedKey(key)}` : `rbd://${fsid}/${pool}/${checkedKey(key)}/${SNAPSHOT}`,
  }
}

function inUse(clones: readonly string[]): Fault {
  return new Fault('conflict', 'glance.store.inUse', `The image cannot be deleted because it is in use through the backend store outside of Glance: ${clones.slice(0, 3).join(', ')}`)
}

// `npm run test:ceph`: what needs a Ceph cluster, on one of its own. Fails where this machine has no Ceph (packages ceph-mon, ceph-osd, ceph-common).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { privateCeph } from './private-ceph.ts'

const ROOT = resolve(import.meta.dirname, '..')
const FILES = ['services/glance/test/ceph.ts']

await using ceph = await privateCeph()
if (ceph) {
  const child = spawn(process.execPath, ['--test', '--test-isolation=none', '--test-timeout=300000', ...FILES], { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ALTO_TEST_CEPH: ceph.conf } })
  const [code] = await once(child, 'exit') as [number | null]
  process.exitCode = code ?? 1
} else {
  console.error('this machine has no Ceph: apt-get install --no-install-recommends ceph-mon ceph-osd ceph-common')
  process.exitCode = 1
}

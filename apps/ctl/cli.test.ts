// The command line as its users meet it, with fake drivers: a cloud's life, and one clear sentence for whatever stands in its way.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { commandHost } from '@alto/kit/host'

const ALTO = resolve(import.meta.dirname, '../../alto')
const dirs: string[] = []

interface Ended { code: number, stdout: string, stderr: string }

async function alto(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(ALTO, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const [code] = await once(child, 'close') as [number]
  return { code, stdout, stderr }
}

async function freshDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-ctl-'))
  dirs.push(dir)
  return dir
}

const UP = ['up', '--drivers', 'fake', '--listen', '127.0.0.1:0', '--detach', '--bare']

after(async () => {
  for (const dir of dirs) {
    await alto(['down', '--data', dir])
    await rm(dir, { recursive: true, force: true })
  }
})

async function status(dir: string): Promise<{ url: string, pid: number, cloud: string, drivers: string }> {
  return JSON.parse((await alto(['status', '--json', '--data', dir])).stdout) as { url: string, pid: number, cloud: string, drivers: string }
}

async function token(dir: string, password?: string): Promise<number> {
  const { url } = await status(dir)
  const secret = password ?? (JSON.parse(await readFile(join(dir, 'secrets.json'), 'utf8')) as { adminPassword: string }).adminPassword
  const body = { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: secret } } } } }
  return (await fetch(`${url}/identity/v3/auth/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).status
}

test('up, status, restart, reset and down: a cloud lives and leaves its files readable by nobody else', async () => {
  const dir = await freshDir()
  const up = await alto([...UP, '--data', dir], { ALTO_ADMIN_PASSWORD: 'chosen' })
  assert.equal(up.code, 0, up.stderr)
  assert.match(up.stdout, /^The cloud is at http:\/\/127\.0\.0\.1:\d+ \(\d+\.\d s\)\. In a shell:\n {2}export OS_CLIENT_CONFIG_FILE=.*clouds\.yaml\n {2}export OS_CLOUD=alto .*\nready\n$/)
  for (const file of ['clouds.yaml', 'openrc', 'secrets.json']) assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600, file)
  assert.equal(await token(dir, 'chosen'), 201)
  const again = await alto([...UP, '--data', dir])
  assert.deepEqual([again.code, again.stderr], [1, `alto: A cloud already runs on this data directory (${dir}). Stop it with "./alto down", or choose another with --data DIR.\n`])
  assert.deepEqual((await alto(['restart', 'keystone', '--data', dir])).stdout, 'keystone restarted\n')
  assert.match((await alto(['restart', 'keystonne', '--data', dir])).stderr, /^alto: There is no service keystonne; there are keystone, /)
  const { cloud, pid } = await status(dir)
  assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /\0--external-memory-accounted-in-global-limit\0/, 'what V8 was told is passed on')
  assert.equal((await alto(['reset', '--data', dir])).code, 0)
  assert.equal((await status(dir)).cloud, cloud)
  assert.equal(await token(dir), 201)
  assert.equal((await alto(['down', '--data', dir])).code, 0)
  assert.equal((await alto(['status', '--data', dir])).code, 3)
  assert.equal((await alto(['down', '--data', dir])).stdout, 'The cloud is not running.\n')
})

test('a command whose words nobody reads any more does its work', async () => {
  const child = spawn(ALTO, ['--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  assert.deepEqual([...await once(child, 'close') as unknown[], said], [0, null, ''])
})

test('after kill -9 the next up continues with the same cloud', async () => {
  const dir = await freshDir()
  assert.equal((await alto([...UP, '--data', dir])).code, 0)
  const before = await status(dir)
  process.kill(before.pid, 'SIGKILL')
  while ((await alto(['status', '--data', dir])).code !== 3);
  assert.equal((await alto([...UP, '--data', dir])).code, 0)
  assert.equal((await status(dir)).cloud, before.cloud)
  assert.equal(await token(dir), 201)
})

test('what stands in the way of up is one sentence, exit code 1 or 2, and nothing half-made', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  const newer = await freshDir()
  await writeFile(join(newer, 'cloud.json'), '{"id": "00000000", "format": 99}')
  const damaged = await freshDir()
  await writeFile(join(damaged, 'secrets.json'), 'not json')
  const misconfigured = await freshDir()
  await writeFile(join(misconfigured, 'config.yaml'), 'keystone: {token_expiratoin: 3}')
  const consoles = await freshDir()
  await writeFile(join(consoles, 'config.yaml'), 'nova: {console_allowed_origins: [panel.example]}')
  const badPolicy = await freshDir()
  await alto(['up', '--data', badPolicy, '--help'])
  await commandHost.run(['mkdir', '-p', join(badPolicy, 'policy')])
  await writeFile(join(badPolicy, 'policy', 'keystone.yaml'), '"identity:create_user": "role:admin or or"')
  const cases: [string, string[], number, RegExp][] = [
    ['an occupied port', ['--data', await freshDir(), '--listen', `127.0.0.1:${port}`], 1, /^alto: 127\.0\.0\.1:\d+ is taken by another program\. .*--listen HOST:PORT\.\n$/],
    ['a listener that is none', ['--data', await freshDir(), '--listen', 'nowhere'], 1, /^alto: --listen nowhere is no HOST:PORT; it could be 127\.0\.0\.1:5000\.\n$/],
    ['a listener for everybody', ['--data', await freshDir(), '--listen', '0.0.0.0:0'], 1, /^alto: --listen 0\.0\.0\.0:0 is reachable from other machines/],
    ['a public URL that is none', ['--data', await freshDir(), '--public-url', 'cloud.example'], 1, /^alto: --public-url cloud\.example is no URL; it could be https:\/\/cloud\.example:5000\.\n$/],
    ['consoles at what is no URL', ['--data', consoles], 1, /^alto: .*nova\.console_allowed_origins is \["panel\.example"\]: it must be a list of URLs/],
    ['unknown drivers', ['--data', await freshDir(), '--drivers', 'xen'], 1, /^alto: --drivers xen is not known: it may be real, fake, or fake:HOSTS\.\n$/],
    ['an unknown network driver', ['--data', await freshDir(), '--network', 'ovs'], 1, /^alto: --network ovs is not known: it may be linux or fake\.\n$/],
    ['a real guest on a fake network', ['--data', await freshDir(), '--compute', 'qemu'], 1, /^alto: A real guest needs real networks and volumes: /],
    ['an unknown flag', ['--data', await freshDir(), '--colour'], 2, /^error: unknown option '--colour'/],
    ['a newer data directory', ['--data', newer], 1, /^alto: .* was made by a newer version of Altostratus\. /],
    ['damaged secrets', ['--data', damaged], 1, /^alto: .*secrets\.json cannot be read: /],
    ['a misspelt option', ['--data', misconfigured], 1, /^alto: .*keystone has no option token_expiratoin; did you mean token_expiration\?/],
    ['a bad policy', ['--data', badPolicy], 1, /^alto: .*keystone\.yaml: identity:create_user: /],
    ['a file where the directory should be', ['--data', '/dev/null/x'], 1, /^alto: \/dev\/null\/x cannot be used as a data directory: /],
  ]
  for (const [what, flags, code, words] of cases) {
    const ended = await alto(['up', '--drivers', 'fake', '--listen', '127.0.0.1:0', '--bare', ...flags])
    assert.equal(ended.code, code, `${what}: ${ended.stdout}${ended.stderr}`)
    assert.match(ended.stderr, words, what)
  }
})

test('a full disk is said before anything is made', { skip: process.getuid?.() !== 0 && 'only root can mount a small disk' }, async t => {
  const dir = await freshDir()
  await commandHost.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
  t.after(() => commandHost.run(['umount', '-l', dir]))
  const ended = await alto([...UP, '--data', join(dir, 'data')])
  assert.match(ended.stderr, /^alto: The disk that holds .* is full \(\d+ MiB are left, 64 are needed to start\)\. /)
  assert.equal(ended.code, 1)
})

test('commands without a cloud say so, and unknown commands are named', async () => {
  const dir = await freshDir()
  for (const command of ['status', 'reset', 'audit', 'logs']) assert.match((await alto([command, '--data', dir])).stderr, /^alto: There is no cloud in .*"\.\/alto up" makes one/)
  const unknown = await alto(['strat'])
  assert.deepEqual([unknown.code, unknown.stderr.split('\n')[0]], [2, "error: unknown command 'strat'"])
})

test('serve refuses roles that are none, and says what a role needs', async () => {
  const refused = async (role: string) => (await alto(['serve', '--role', role, '--config', '/dev/null'])).stderr
  assert.equal(await refused('moon'), 'alto: --role moon is not there: it may be keystone, placement, glance, neutron, cinder, nova, compute, network, volume, controller (all services) or host (all agents).\n')
  assert.equal(await refused('nova'), 'alto: The role nova needs the option site.bus.\n')
  assert.equal(await refused('keystone'), 'alto: The role keystone needs the option site.service_password.\n')
})

test('policy check says whether, and why not', async () => {
  const dir = await freshDir()
  const check = (...args: string[]) => alto(['policy', 'check', 'keystone', 'identity:create_user', '--data', dir, ...args])
  assert.deepEqual((await check('--roles', 'admin')).stdout, 'yes: identity:create_user\n')
  const refused = await check('--roles', 'member')
  assert.deepEqual([refused.code, refused.stdout.startsWith('no: identity:create_user refuses: ')], [1, true])
  await mkdir(join(dir, 'policy', 'keystone.d'), { recursive: true })
  await writeFile(join(dir, 'policy', 'keystone.json'), '{"identity:create_user": "!"}')
  await writeFile(join(dir, 'policy', 'keystone.d', 'more.yaml'), 'identity:create_user: role:member')
  assert.deepEqual(await check('--roles', 'member'), { code: 0, stdout: 'yes: identity:create_user\n', stderr: `${join(dir, 'policy', 'keystone.json')}: policy files in JSON are deprecated; write it as YAML\n` })
  await writeFile(join(dir, 'config.yaml'), 'policy: {enforce_scope: perhaps}')
  assert.match((await check()).stderr, /enforce_scope/)
  assert.match((await alto(['policy', 'sample', 'keystone'])).stdout, /identity:create_user/)
  assert.match((await alto(['config', 'sample'])).stdout, /token_expiration/)
  const site = join(dir, 'site.yaml')
  await writeFile(site, (await alto(['config', 'sample', '--site'])).stdout)
  assert.equal((await alto(['config', 'check', '--config', site])).stdout, 'ok\n')
})

test('policy check asks a running cloud who a user is', async () => {
  const dir = await freshDir()
  assert.equal((await alto([...UP, '--data', dir])).code, 0)
  const check = (...args: string[]) => alto(['policy', 'check', 'cinder', 'volume:create', '--data', dir, ...args])
  assert.equal((await check('--as', 'demo', '--project', 'demo')).stdout, 'demo is member, reader there\nyes: volume:create\n')
  await mkdir(join(dir, 'policy'), { recursive: true })
  await writeFile(join(dir, 'policy', 'cinder.yaml'), '"volume:create": "role:admin"')
  const refused = await check('--as', 'demo', '--project', 'demo')
  assert.deepEqual([refused.code, refused.stdout], [1, 'demo is member, reader there\nno: volume:create refuses: role:admin (roles are member, reader)\n'])
  assert.equal((await check('--as', 'admin', '--project', 'admin')).code, 0)
  assert.equal((await check('--as', 'nobody', '--project', 'demo')).stderr, 'alto: Could not find user: nobody.\n')
  assert.match((await check('--as', 'demo', '--system')).stderr, /user demo has no role there/)
})

test('with --tls the API is reached over https with that certificate', async () => {
  const dir = await freshDir()
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  await commandHost.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert])
  const up = await alto([...UP, '--data', join(dir, 'data'), '--tls', cert, key])
  assert.equal(up.code, 0, up.stderr)
  const { url } = await status(join(dir, 'data'))
  assert.match(url, /^https:/)
  const answer = get(`${url}/identity/v3`, { ca: await readFile(cert) })
  const [response] = await once(answer, 'response') as [IncomingMessage]
  assert.equal((JSON.parse(await text(response)) as { version: { id: string } }).version.id, 'v3.14')
  await alto(['down', '--data', join(dir, 'data')])
  assert.match((await alto([...UP, '--data', await freshDir(), '--tls', cert, '/none'])).stderr, /^alto: --tls: ENOENT/)
})

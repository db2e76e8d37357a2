// Keys and the administrator's password by the command line, beside a running cloud and without one.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '@alto/kit/clock'

const ALTO = resolve(import.meta.dirname, '../../alto')
const dirs: string[] = []

async function alto(args: readonly string[], input = ''): Promise<{ code: number, stdout: string, stderr: string }> {
  const child = spawn(ALTO, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  child.stdin.on('error', () => {}).end(input)                     // a command that reads nothing may be gone before
  const [code] = await once(child, 'close') as [number]
  return { code, stdout, stderr }
}

const up = (dir: string) => alto(['up', '--drivers', 'fake', '--listen', '127.0.0.1:0', '--detach', '--bare', '--data', dir])

async function freshDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'alto-identity-'))
  dirs.push(dir)
  return dir
}

after(async () => {
  for (const dir of dirs) {
    await alto(['down', '--data', dir])
    await rm(dir, { recursive: true, force: true })
  }
})

/** A running cloud as its clients find it: by clouds.yaml. */
async function client(dir: string) {
  const [, url, password] = /alto-admin:[^]*?auth_url: (\S+)[^]*?password: '(.*)'/.exec(await readFile(join(dir, 'clouds.yaml'), 'utf8'))!
  const ask = async (method: string, path: string, opts: { token?: string, body?: unknown, headers?: Record<string, string> } = {}) => {
    const response = await fetch(`${url}/v3${path}`, { method, headers: { 'content-type': 'application/json', ...(opts.token !== undefined && { 'x-auth-token': opts.token }), ...opts.headers }, ...(opts.body !== undefined && { body: JSON.stringify(opts.body) }) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) as any, token: response.headers.get('x-subject-token') ?? '' }        // eslint-disable-line @typescript-eslint/no-explicit-any
  }
  const login = (secret = password) => ask('POST', '/auth/tokens', { body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: secret } } }, scope: { project: { name: 'admin', domain: { id: 'default' } } } } } })
  return { ask, login, worth: async (token: string) => (await ask('GET', '/auth/tokens', { token, headers: { 'x-subject-token': token } })).status }
}

/** As if the keys had been put there at that second: long ago, when not given. */
async function aged(dir: string, use: string, second = 1_700_000_000): Promise<void> {
  for (const name of await readdir(join(dir, 'keys', use))) await utimes(join(dir, 'keys', use, name), second, second)
}

test('keys are rotated beside a running cloud: no token ends, no credential is lost, nothing is restarted', async () => {
  const dir = await freshDir()
  assert.equal((await up(dir)).code, 0)
  const { ask, login, worth } = await client(dir)
  const before = await login()
  const token = before.token
  const user = before.body.token.user.id as string
  const credential = (await ask('POST', '/credentials', { token, body: { credential: { type: 'cert', blob: 'a certificate', user_id: user } } })).body.credential.id as string
  const rotate = (use: string) => alto(['keys', 'rotate', use, '--data', dir])

  await aged(dir, 'fernet')
  assert.deepEqual(await rotate('token'), { code: 0, stdout: 'Key 2 makes tokens now\n', stderr: '' })
  assert.deepEqual((await readdir(join(dir, 'keys', 'fernet'))).toSorted(), ['0', '1', '2'])
  const next = await login()
  assert.deepEqual([next.status, await worth(next.token), await worth(token)], [201, 200, 200])
  await aged(dir, 'fernet', systemClock.now() / 1000 + 60)
  const soon = await rotate('token')
  assert.deepEqual([soon.code, /^alto: The staged key in .*fernet is younger than 5 s: /.test(soon.stderr)], [1, true])

  await aged(dir, 'credential')
  assert.equal((await rotate('credential')).stdout, 'Key 2 makes what locks credentials now; 1 credential was locked with it\n')
  await aged(dir, 'credential')
  assert.equal((await rotate('credential')).stdout, 'Key 3 makes what locks credentials now; 1 credential was locked with it; 1 is gone\n')
  assert.equal((await ask('GET', `/credentials/${credential}`, { token })).body.credential.blob, 'a certificate')
  for (const use of ['receipt', 'jws']) {
    await aged(dir, use)
    assert.equal((await rotate(use)).code, 0, use)
  }
  assert.equal((await rotate('moon')).code, 2)
  assert.match((await alto(['keys', 'rotate', '--data', await freshDir()])).stderr, /^alto: There are no users in /)
})

test('the administrator gets back in, whatever happened to its password, roles and rules, beside a running cloud and without one', async () => {
  const dir = await freshDir()
  assert.equal((await up(dir)).code, 0)
  const first = await client(dir)
  const { token, body } = await first.login()
  const user = body.token.user.id as string
  const change = async (method: string, path: string, sent?: unknown) => { assert.ok((await first.ask(method, path, { token, body: sent })).status < 300, path) }
  const admin = (await first.ask('GET', '/roles?name=admin', { token })).body.roles[0].id as string
  await change('PATCH', `/users/${user}`, { user: { options: { multi_factor_auth_rules: [['password', 'totp']] } } })
  await change('PATCH', `/users/${user}`, { user: { password: 'lost' } })
  assert.equal((await first.login('lost')).status, 401, 'rules ask for more')

  const reset = (...args: string[]) => alto(['admin', 'reset-password', '--data', dir, ...args])
  assert.deepEqual(await reset(), { code: 0, stdout: `The user admin has its roles, and the password in ${join(dir, 'secrets.json')}.\n`, stderr: '' })
  const second = await client(dir)
  const back = await second.login()
  assert.equal(back.status, 201)
  assert.equal(await second.worth(token), 401, 'tokens from before have ended')
  assert.equal((await second.ask('DELETE', `/projects/${body.token.project.id}/users/${user}/roles/${admin}`, { token: back.token })).status, 204)
  assert.equal((await second.login()).status, 401, 'no role left')

  assert.equal((await alto(['down', '--data', dir])).code, 0)
  assert.equal((await alto(['admin', 'reset-password', '--data', dir, '--password-stdin'], '')).stderr, 'alto: Standard input held no password.\n')
  assert.equal((await alto(['admin', 'reset-password', '--data', dir, '--password-stdin'], 'chosen by me\n')).code, 0)
  assert.equal((await up(dir)).code, 0)
  const third = await client(dir)
  assert.deepEqual([(await third.login('chosen by me')).status, (await third.login()).status], [201, 201])
  assert.match((await alto(['admin', 'reset-password', '--data', await freshDir()])).stderr, /^alto: There are no users in /)
})

// OpenStack's own test suite against a cloud: its configuration made from what the APIs say of themselves, its run, and what came of each test.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A cloud with fake guests, and who may do everything in it. */
export interface TestedCloud {
  /** The listener: `http://127.0.0.1:5000`. */
  url: string
  adminPassword: string
}

/** What came of the tests that were selected: names, sorted; `skipped` by tempest itself, for what the configuration says is not there. */
export interface TempestResult {
  passed: string[]
  failed: string[]
  skipped: string[]
  /** All that was printed, tracebacks too. */
  log: string
}

/** Sections of tempest.conf, and their options. */
type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

/** Which tests, and what of the configuration is another for them. */
export type Selection = ({ regex: string } | { names: readonly string[] }) & { otherwise?: Sections }

interface Token { token: { catalog: { type: string, endpoints: { interface: string, url: string }[] }[] } }

/**
 * Runs the tests whose names match `selection.regex`, or are in `selection.names`, with the program `tempest` (Debian's package of that name), two at once.
 * `dir` is its own. Throws when tempest could not begin.
 */
export async function runTempest(cloud: TestedCloud, dir: string, selection: Selection): Promise<TempestResult> {
  await mkdir(join(dir, 'lock'), { recursive: true })
  const file = join(dir, 'tempest.conf')
  await writeFile(file, ini(await configuration(cloud, dir, selection.otherwise)))
  const where = await tempest(dir, ['-c', 'import os, tempest; print(os.path.dirname(tempest.__file__))'], '/usr/bin/python3')
  await writeFile(join(dir, '.stestr.conf'), `[DEFAULT]\ntest_path=${where.trim()}/test_discover\ntop_dir=${join(where.trim(), '..')}\ngroup_regex=([^\\.]*\\.)*\n`)
  await tempest(dir, ['-c', 'from stestr import commands; commands.init_command()'], '/usr/bin/python3')
  const names = join(dir, 'names.txt')
  if ('names' in selection) await writeFile(names, selection.names.map(name => `^${name.replaceAll('.', '\\.')}(\\[|$)`).join('\n'))
  const select = 'regex' in selection ? ['--regex', selection.regex] : ['--include-list', names]
  const selected = (await tempest(dir, ['run', '--config-file', file, '--list-tests', ...select])).split('\n').filter(line => line.startsWith('tempest.')).map(line => line.split('[')[0]!.trim())
  const log = await tempest(dir, ['run', '--config-file', file, '--concurrency', '2', ...select])
  return { ...sorted(new Set(selected), log), log }
}

/** A test that was selected and neither passed nor failed was skipped, alone or with its class. */
function sorted(selected: ReadonlySet<string>, log: string): Omit<TempestResult, 'log'> {
  const ends = new Map([...log.matchAll(/^\{\d+\} (\S+)(?: \((\S+)\))?.*? \.\.\. (ok|FAILED|SKIPPED)/gm)].map(([, name, whole, end]) => [whole ?? name!.split('[')[0]!, end]))
  const endOf = (name: string) => ends.get(name) ?? ends.get(name.slice(0, name.lastIndexOf('.'))) ?? (() => { throw new Error(`${name} did not run:\n${log.slice(-5000)}`) })()
  const all = [...selected].toSorted()
  return { passed: all.filter(name => endOf(name) === 'ok'), failed: all.filter(name => endOf(name) === 'FAILED'), skipped: all.filter(name => endOf(name) === 'SKIPPED') }
}

function tempest(dir: string, args: readonly string[], program = 'tempest'): Promise<string> {
  return new Promise((settle, fail) => {
    execFile(program, args, { cwd: dir, env: { ...process.env, HOME: dir, TEMPEST_CONFIG_DIR: dir, PYTHONWARNINGS: 'ignore' }, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && !stdout.includes('Totals')) fail(new Error(`${program} ${args.join(' ')}: ${stderr.slice(-2000) || stdout.slice(-2000) || error.message}`))
      else settle(stdout)
    })
  })
}

async function configuration({ url, adminPassword }: TestedCloud, dir: string, otherwise: Sections = {}): Promise<Sections> {
  const identity = `${url}/identity/v3`
  const domain = { id: 'default' }
  const login = await fetch(`${identity}/auth/tokens`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password: adminPassword } } }, scope: { project: { name: 'admin', domain } } } }),
  })
  const { token } = await login.json() as Token
  const headers = { 'x-auth-token': login.headers.get('x-subject-token')! }
  const urls = new Map(token.catalog.map(service => [service.type, service.endpoints.find(one => one.interface === 'public')!.url]))
  const get = async <T>(type: string, path: string): Promise<T> => {
    const answer = await fetch(`${urls.get(type)}${path}`, { headers })
    if (!answer.ok) throw new Error(`GET ${type} ${path}: ${answer.status}`)
    return await answer.json() as T
  }
  const { images } = await get<{ images: { id: string }[] }>('image', '/v2/images')
  const { networks } = await get<{ networks: { id: string, name: string }[] }>('network', '/v2.0/networks?router:external=true')
  const { extensions } = await get<{ extensions: { alias: string }[] }>('network', '/v2.0/extensions')
  const region = 'RegionOne'
  const all: Sections = {
    DEFAULT: { log_dir: dir, log_file: 'tempest.log', use_stderr: false },
    oslo_concurrency: { lock_path: join(dir, 'lock') },
    auth: { admin_username: 'admin', admin_password: adminPassword, admin_project_name: 'admin', admin_domain_name: 'Default', use_dynamic_credentials: true, create_isolated_networks: true, tempest_roles: 'member' },
    identity: { uri_v3: identity, auth_version: 'v3', region, v3_endpoint_type: 'public', default_domain_id: 'default', admin_role: 'admin' },
    'identity-feature-enabled': { api_v2: false, api_v3: true, trust: true, application_credentials: true, access_rules: true, project_tags: true, security_compliance: false, domain_specific_drivers: false },
    service_available: { nova: true, neutron: true, glance: true, cinder: true, swift: urls.has('object-store'), placement: true, horizon: false },
    enforce_scope: { nova: true, neutron: true, glance: true, cinder: true, placement: true, keystone: false },
    validation: { run_validation: false },
    compute: { image_ref: images[0]!.id, image_ref_alt: images.at(-1)!.id, flavor_ref: '42', flavor_ref_alt: '84', region },
    image: { region, disk_formats: 'raw,qcow2', container_formats: 'bare', http_image: `${url}/identity/v3` },
    'image-feature-enabled': { import_image: true },
    network: { public_network_id: networks[0]!.id, floating_network_name: networks[0]!.name, region, project_network_cidr: '10.100.0.0/16', project_network_mask_bits: 28 },
    'network-feature-enabled': { api_extensions: extensions.map(one => one.alias).join(','), ipv6: true },
    volume: { catalog_type: 'volumev3', region, volume_size: 1 },
    'volume-feature-enabled': { api_v3: true, backup: false },
  }
  return { ...all, ...Object.fromEntries(Object.entries(otherwise).map(([name, options]) => [name, { ...all[name], ...options }])) }
}

function ini(sections: Sections): string {
  return Object.entries(sections).map(([name, options]) => [`[${name}]`, ...Object.entries(options).map(([key, value]) => `${key} = ${value}`), ''].join('\n')).join('\n')
}

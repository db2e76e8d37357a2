// Options, the file, the environment, and what is said when they are wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../errors/index.ts'
import { loadConfig, option, readConfig, sampleConfig, section, showConfig, type Values } from './index.ts'

const nova = section('nova', [
  option({ name: 'cpu_allocation_ratio', type: 'number', default: 4, min: 0, meaning: 'Virtual CPUs promised for each real one.', upstream: '[DEFAULT] cpu_allocation_ratio' }),
  option({ name: 'max_servers', type: 'integer', default: 10, min: 1, max: 1000, meaning: 'Servers in one request.' }),
  option({ name: 'vif_plugging_is_fatal', type: 'boolean', default: true, meaning: 'Fail when a port does not come up.' }),
  option({ name: 'enabled_filters', type: 'strings', default: ['ComputeFilter'], meaning: 'Filters, in order.' }),
  option({ name: 'database', type: 'string', default: null, secret: true, meaning: 'URL of the database.' }),
])
const network = section('neutron', [option({ name: 'driver', type: 'choice', choices: ['linux', 'fake'], default: 'linux', meaning: 'What carries packets.' })])
const sections = [nova, network] as const

function problems(text: string, environment = {}): readonly string[] {
  return readConfig(sections, { file: 'config.yaml', text, environment }).problems
}

test('without a file every option has its default, under a camelCase name and with its type', () => {
  const config = loadConfig(sections, { file: 'config.yaml', text: '' })
  const ratio: number = config.nova.cpuAllocationRatio
  const driver: 'linux' | 'fake' = config.neutron.driver
  const database: string | null = config.nova.database
  assert.deepEqual([ratio, driver, database], [4, 'linux', null])
  assert.deepEqual(config.nova satisfies Values<typeof nova>, { cpuAllocationRatio: 4, maxServers: 10, vifPluggingIsFatal: true, enabledFilters: ['ComputeFilter'], database: null })
})

test('the file overrides the default and the environment overrides the file', () => {
  const config = loadConfig(sections, {
    file: 'config.yaml', text: 'nova: {cpu_allocation_ratio: 2, max_servers: 5, database: "x"}\nneutron:\n',
    environment: { ALTO_NOVA_CPU_ALLOCATION_RATIO: '1.5', ALTO_NOVA_VIF_PLUGGING_IS_FATAL: 'no', ALTO_NOVA_ENABLED_FILTERS: 'A, B', ALTO_ADMIN_PASSWORD: 'not an option' },
  })
  assert.deepEqual(config.nova, { cpuAllocationRatio: 1.5, maxServers: 5, vifPluggingIsFatal: false, enabledFilters: ['A', 'B'], database: 'x' })
})

test('unknown sections, options and variables are errors that name the nearest known one', () => {
  assert.deepEqual(problems('nvoa: {}\nnova: {cpu_alocation_ratio: 2, zzz: 1}', { ALTO_NOVA_MAX_SERVER: '3' }), [
    'config.yaml: there is no section nvoa; did you mean nova?',
    'config.yaml: nova has no option cpu_alocation_ratio; did you mean cpu_allocation_ratio?',
    'config.yaml: nova has no option zzz',
    'environment: ALTO_NOVA_MAX_SERVER sets no option; did you mean ALTO_NOVA_MAX_SERVERS?',
  ])
})

test('values of the wrong type or range are refused with what would be accepted', () => {
  assert.deepEqual(problems('nova: {cpu_allocation_ratio: -1, max_servers: 1.5, vif_plugging_is_fatal: "no", enabled_filters: A, database: 7}\nneutron: {driver: ovs}', { ALTO_NOVA_MAX_SERVERS: 'many' }), [
    'config.yaml: nova.cpu_allocation_ratio is -1: it must be a number, at least 0',
    'ALTO_NOVA_MAX_SERVERS is "many": it must be a whole number, at least 1, at most 1000',
    'config.yaml: nova.vif_plugging_is_fatal is "no": it must be true or false',
    'config.yaml: nova.enabled_filters is "A": it must be a list of text',
    'config.yaml: nova.database is not right: it must be text (in quotes when it looks like something else)',
    'config.yaml: neutron.driver is "ovs": it must be one of linux, fake',
  ])
  assert.deepEqual(problems('nova: {max_servers: null}'), ['config.yaml: nova.max_servers is null: it must be a whole number, at least 1, at most 1000'])
})

test('what must be a URL is one of http or https, however it is given', () => {
  const urls = section('site', [
    option({ name: 'public_url', type: 'url', default: null, meaning: 'Where clients come.' }), option({ name: 'controllers', type: 'urls', default: [], meaning: 'Where services are.' }),
  ])
  const read = (text: string, environment = {}) => readConfig([urls], { file: 'config.yaml', text, environment })
  const values = (text: string, environment = {}) => read(text, environment).settings.map(({ value }) => value)
  assert.deepEqual(values('site: {public_url: "https://cloud.example/"}', { ALTO_SITE_CONTROLLERS: 'http://10.0.0.1:5000, http://[fd00::1]' }), ['https://cloud.example/', ['http://10.0.0.1:5000', 'http://[fd00::1]']])
  assert.deepEqual(read('site: {public_url: cloud.example, controllers: ["10.0.0.1:5000"]}').problems, [
    'config.yaml: site.public_url is "cloud.example": it must be a URL such as https://cloud.example:5000',
    'config.yaml: site.controllers is ["10.0.0.1:5000"]: it must be a list of URLs such as https://cloud.example:5000',
  ])
  assert.equal(read('', { ALTO_SITE_PUBLIC_URL: 'ftp://cloud.example' }).problems.length, 1)
  assert.equal(read('site: {controllers: "http://one.example"}').problems.length, 1)
})

test('a file that is no YAML or no map is one problem, and loading throws with all of them', () => {
  assert.match(problems('nova: [')[0]!, /^config\.yaml: not YAML: /)
  assert.deepEqual(problems('[1]'), ['config.yaml: a configuration is a section for each service'])
  assert.deepEqual(problems('nova: 3'), ['config.yaml: section nova must be a list of option: value'])
  assert.throws(() => loadConfig(sections, { file: 'c', text: 'a: {}\nb: {}' }), error => isFault(error, 'config.invalid') && error.message.split('\n').length === 2)
})

test('what is shown names the source of each value and hides secrets', () => {
  const { settings } = readConfig(sections, { file: 'c', text: 'nova: {database: "postgres://u:p@h/d"}', environment: { ALTO_NOVA_MAX_SERVERS: '3' } })
  assert.equal(showConfig(settings), [
    'nova.cpu_allocation_ratio = 4', 'nova.max_servers = 3   (environment)', 'nova.vif_plugging_is_fatal = true',
    'nova.enabled_filters = ["ComputeFilter"]', 'nova.database = ***   (file)', 'neutron.driver = "linux"', '',
  ].join('\n'))
})

test('the sample, with its comment signs taken away, is a configuration of defaults', () => {
  const sample = sampleConfig(sections)
  assert.match(sample, / {2}# Virtual CPUs promised for each real one\.\n {2}# Range: 0 … \n {2}# Environment: ALTO_NOVA_CPU_ALLOCATION_RATIO\. Upstream: \[DEFAULT\] cpu_allocation_ratio\n {2}# cpu_allocation_ratio: 4\n/)
  assert.deepEqual(problems(sample), [])
  const uncommented = sample.replace(/^ {2}# ([a-z_]+: )/gm, '  $1')
  const reading = readConfig(sections, { file: 'c', text: uncommented })
  assert.deepEqual([reading.problems, reading.settings.map(setting => setting.from)], [[], reading.settings.map(() => 'file')])
  assert.deepEqual(reading.settings.map(setting => setting.value), reading.settings.map(setting => setting.option.default))
})

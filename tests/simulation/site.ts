// A whole cloud under simulation: one controller and some hosts, all in this process, on a bus whose messages have fates. Each of them can die at any moment
// and be started again on what outlives it: the databases, the images, and what the fake host has.
import { loadConfig } from '@alto/kit/config'
import { openSqlite, sql, type Database } from '@alto/kit/db'
import { Fault } from '@alto/kit/errors'
import type { Fetch } from '@alto/kit/http'
import { seededIds, type Ids } from '@alto/kit/ids'
import { silentLog, type Log } from '@alto/kit/log'
import { serviceSession } from '@alto/kit/openstack'
import { LocalTransport, type Cast, type Fate } from '@alto/kit/rpc'
import type { TaskPoint } from '@alto/kit/task'
import { fakeHost, HOST_ROLES, memoryStore, sections, SERVICES, startController, startHostSide, type Controller, type FakeHost, type Fetcher, type ImageStore, type ServiceName } from '@alto/site'
import { SimulatedClock } from './clock.ts'
import { SimulatedProcess } from './process.ts'
import { Trace } from './trace.ts'

/** How often what goes wrong, each in a thousand. All zero: a calm cloud. */
export interface Trouble {
  /** Messages of the bus. */
  lost: number
  repeated: number
  delayed: number
  replyLost: number
  /** The controller dies at a point of a task. */
  crash: number
  /** A step of a task fails before or after its work. */
  step: number
  /** What a driver does on a host fails, before or after it was done. */
  driver: number
}

export const CALM: Trouble = { lost: 0, repeated: 0, delayed: 0, replyLost: 0, crash: 0, step: 0, driver: 0 }
export const ROUGH: Trouble = { lost: 20, repeated: 30, delayed: 60, replyLost: 15, crash: 4, step: 8, driver: 12 }

/** Drivers' calls that change nothing, or that nothing is to keep from working. */
const SPARED = /^(look|resources|marked|read|write|tapReady|capacity|inventory|takenPrefixes|segments|consoleLog|console|tidy|close|watch|connection|ailing|copyFor)/
const PASSWORD = 'secret'
/** Those of images, the default one first. */
export const STORES = ['file', 'cheap'] as const
/** The longest that a message is on its way. */
const DELAY = 8_000

/** A host: what it has, and the process of its agents. */
interface SimulatedHost {
  readonly name: string
  readonly world: FakeHost
  process: SimulatedProcess | undefined
}

/** See above. */
export class SimulatedSite {
  readonly clock = new SimulatedClock()
  readonly trace: Trace
  readonly chance: Ids
  readonly hosts: readonly SimulatedHost[]
  trouble: Trouble = CALM
  /** What must never be and was. */
  readonly broken: string[] = []
  readonly #seed: string
  readonly #log: Log
  readonly #bus: LocalTransport
  readonly #databases = new Map<ServiceName, Database<never>>()
  readonly #images = STORES.map(id => memoryStore({ id }))
  #process: SimulatedProcess | undefined
  #controller: Controller | undefined
  #lives = 0

  /** A site without a process. `tell` is given each line of the trace. */
  constructor({ seed, hosts, tell, log }: { seed: string, hosts: number, tell?: ((line: string) => void) | undefined, log?: Log | undefined }) {
    this.#seed = seed
    this.#log = log ?? silentLog
    this.chance = seededIds(`${seed}/chance`)
    this.trace = new Trace(() => this.clock.passed, tell)
    this.#bus = new LocalTransport({ clock: this.clock, fate: message => this.#fateOf(message) })
    for (const service of SERVICES) this.#databases.set(service, openSqlite<never>(':memory:'))
    this.hosts = Array.from({ length: hosts }, (_, n) => {
      const name = `host${n + 1}`
      return { name, process: undefined, world: fakeHost({ cloud: CLOUD, name, clock: this.clock, tunnelAddress: `10.255.0.${n + 1}` }) }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process?.kill()
    for (const { process } of this.hosts) process?.kill()
    for (const db of this.#databases.values()) await db.close()
  }

  /** True once in `most` times, on the average. */
  oneIn(most: number): boolean {
    return this.chance.below(most) === 0
  }

  /** True `thousandths` times in a thousand. */
  #strikes(thousandths: number): boolean {
    return thousandths > 0 && this.chance.below(1000) < thousandths
  }

  /** True while nothing is made to go wrong. */
  get isCalm(): boolean {
    return this.trouble === CALM
  }

  get controller(): Controller | undefined {
    return this.#controller
  }

  /** Reaches the controller as clients do: Fault unavailable while there is none. */
  readonly fetch: Fetch = async request => {
    const [process, controller] = [this.#process, this.#controller]
    if (!process || !controller) throw new Fault('unavailable', 'http.unreachable', 'the controller could not be reached')
    return process.reached(controller.fetch)(request)
  }

  /** Starts the controller, which then comes up while time passes. */
  startController(): void {
    if (this.#process) return
    const life = ++this.#lives
    const process = new SimulatedProcess('controller', this.clock)
    this.#process = process
    this.trace.add(`controller starts (${life})`)
    const { clock } = process
    const passwords = Object.fromEntries(['placement', 'glance', 'neutron', 'nova', 'cinder'].map(service => [service, PASSWORD]))
    startController({
      services: SERVICES, name: 'controller', config: loadConfig(sections, { file: 'config.yaml', text: CONFIG }), listen: undefined, publicUrl: 'http://cloud', clock,
      directories: { keys: '', images: '' }, imageStores: this.#images.map(store => storeOf(process, store)) as [ImageStore, ...ImageStore[]], web: this.#webOf(process), keys: KEYS, passwords: { hash: async text => `plain:${text}`, matches: async (text, stored) => stored === `plain:${text}` },
      secrets: { servicePasswords: passwords, metadataSecret: 'metadata' }, users: { admin: PASSWORD, demo: undefined, services: passwords },
      transport: process.transport(this.#bus), ids: seededIds(`${this.#seed}/controller/${life}`), log: this.#logOf('controller'),
      open: async <Tables>(service: ServiceName) => process.database(this.#databases.get(service)!) as unknown as Database<Tables>,
      at: service => point => this.#at(process, service, point),
    }).then(controller => {
      if (!process.isAlive) return
      this.#controller = controller
      this.trace.add('controller is up')
    }, (error: unknown) => { this.broken.push(`the controller did not start: ${error instanceof Error ? error.stack : String(error)}`) })
  }

  killController(why: string): void {
    if (!this.#process) return
    this.trace.add(`controller dies: ${why}`)
    this.#process.kill()
    this.#process = undefined
    this.#controller = undefined
  }

  /** Starts the agents of a host, which then come up while time passes. */
  startHost(host: SimulatedHost): void {
    if (host.process) return
    const life = ++this.#lives
    const process = new SimulatedProcess(host.name, this.clock)
    host.process = process
    this.trace.add(`${host.name} starts (${life})`)
    const { clock } = process
    const fetch = process.reaching(this.fetch)
    const failing = (method: string) => this.#driverFails(host.name, method)
    const { compute, network, volume } = host.world
    startHostSide({
      host: host.name, cloud: CLOUD, roles: HOST_ROLES, kinds: { compute: 'fake', network: 'fake', volume: 'fake' }, metadataSecret: 'metadata', dataSecret: 'data',
      fakes: { compute: process.holding(compute, failing), volume: process.holding(volume, failing), network: { driver: process.holding(network.driver, failing), databaseEpoch: network.databaseEpoch } },
      directories: { guests: '', volumes: '', run: { compute: '', network: '', volume: '' } },
      transport: process.transport(this.#bus), fetch, session: serviceSession({ name: 'nova', password: PASSWORD }, { fetch, identity: '/identity', clock }),
      clock, ids: seededIds(`${this.#seed}/${host.name}/${life}`), log: this.#logOf(host.name),
    }).catch((error: unknown) => { this.broken.push(`${host.name} did not start: ${error instanceof Error ? error.stack : String(error)}`) })
  }

  killHost(host: SimulatedHost): void {
    if (!host.process) return
    this.trace.add(`agents of ${host.name} die`)
    host.process.kill()
    host.process = undefined
  }

  /** Cuts a host off from the controller, or joins it again. */
  cut(host: SimulatedHost, isCutOff: boolean): void {
    if (!host.process || host.process.cutOff === isCutOff) return
    this.trace.add(`${host.name} is ${isCutOff ? 'cut off' : 'joined again'}`)
    host.process.cutOff = isCutOff
  }

  /** Nothing goes wrong from now on: everything runs and is connected. */
  heal(): void {
    this.trouble = CALM
    this.startController()
    for (const host of this.hosts) {
      this.startHost(host)
      this.cut(host, false)
    }
  }

  /** The rows of a query over a service's database. */
  async rows<Row>(service: ServiceName, query: string): Promise<Row[]> {
    return (await this.#databases.get(service)!.read(tx => sql.raw<Row>(query).execute(tx))).rows
  }

  #fateOf(message: Cast): Fate {
    const { lost, repeated, delayed, replyLost } = this.trouble
    const isCut = this.hosts.some(({ name, process }) => name === message.target && process?.cutOff === true)
    const times = isCut || this.#strikes(lost) ? 0 : this.#strikes(repeated) ? 2 : 1
    const fate = { times, delayMs: this.#strikes(delayed) ? this.chance.below(DELAY) : 0, replyLost: this.#strikes(replyLost) }
    const said = `${times === 1 ? '' : `, ${times} times`}${fate.delayMs ? `, ${fate.delayMs} ms late` : ''}${fate.replyLost ? ', the answer lost' : ''}`
    this.trace.add(`${message.contract}.${message.method} to ${message.target}${said}`, message.body)
    return fate
  }

  async #at(process: SimulatedProcess, service: ServiceName, point: TaskPoint): Promise<void> {
    if (!process.isAlive) return process.hold(Promise.resolve())
    const where = `${point.moment} of ${point.kind}/${point.step} of ${service} ${point.resourceId}`
    this.trace.add(where)
    if (this.#strikes(this.trouble.crash)) {
      this.killController(`at ${where}`)
      return process.hold(Promise.resolve())
    }
    if (!point.moment.endsWith('Record') && this.#strikes(this.trouble.step)) {
      this.trace.add(`it fails there`)
      throw this.oneIn(3) ? new Error('simulated: nobody foresaw this') : new Fault('unavailable', 'simulation.away', 'simulated: away for a moment')
    }
  }

  /** Throws what the driver's call fails with before its work, or gives what fails after it. */
  #driverFails(host: string, method: string): (() => void) | undefined {
    if (SPARED.test(method) || !this.#strikes(this.trouble.driver)) return undefined
    const isAfter = this.oneIn(2)
    this.trace.add(`${method} fails on ${host} ${isAfter ? 'after' : 'before'} its work`)
    const fail = () => { throw this.oneIn(3) ? new Error('simulated: the host could not') : new Fault('unavailable', 'simulation.host', 'simulated: the host was busy') }
    if (isAfter) return fail
    return fail()
  }

  /** The web, as the process sees it: each half of an answer takes its time, and what is called broken is. */
  #webOf({ clock }: SimulatedProcess): Fetcher {
    const { chance } = this
    return {
      check: async () => {},
      async size(url, signal) { return (await this.get(url, signal)).size },
      async get(url, signal) {
        await clock.sleep(chance.below(3000), signal)
        if (url.endsWith('/broken')) throw new Fault('badRequest', 'glance.fetch.failed', 'The image could not be fetched: simulated')
        const half = Buffer.alloc(512 * (1 + chance.below(8)), url)
        return {
          size: 2 * half.length,
          bytes: (async function* () {
            yield half
            await clock.sleep(chance.below(3000), signal)
            yield half
          })(),
        }
      },
    }
  }

  #logOf(name: string): Log {
    return this.#log.child({ process: name })
  }
}

/** A store as the process sees it, what it is writing there too. */
function storeOf(process: SimulatedProcess, store: ImageStore): ImageStore {
  const held = process.holding(store)
  return { ...held, write: async key => process.holding(await held.write(key)) }
}

const FIXED = { keys: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)], generation: 0, refresh: async () => {} }
const KEYS = { tokens: FIXED, receipts: FIXED, credentials: FIXED, signing: { keys: [], generation: 0, refresh: async () => {} } }
const CLOUD = '51a0b2c3'
const CONFIG = `
nova: { quota_instances: 8, quota_cores: 20 }
cinder: { step_deadline_seconds: 300 }
`

// A site under test: PostgreSQL, RabbitMQ, controllers and hosts, each as processes of their own, on one machine.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloudsYaml } from '@alto/allinone'
import { systemIds } from '@alto/kit/ids'
import { guestImage } from '@alto/kit/testing'
import { privatePostgres, type PrivatePostgres } from '@alto/tools/private-postgres'
import { privateRabbitmq, type PrivateRabbitmq } from '@alto/tools/private-rabbitmq'
import { clientOf, ours, run, type Cloud } from '../e2e/cloud.ts'
import { tracesOf } from '../e2e/host.ts'
import { CONTROL, EXTERNAL, hostNamespaces, must, type HostNamespace } from './namespaces.ts'
import { SiteProcess } from './processes.ts'

/** A host with its agents. */
export interface SiteHost extends HostNamespace {
  readonly agents: SiteProcess
}

/** A site; `up` starts whatever of it does not run. */
export interface Site extends Cloud {
  /** The cloud's id. */
  readonly id: string
  readonly controllers: readonly SiteProcess[]
  readonly hosts: readonly SiteHost[]
  readonly postgres: PrivatePostgres
  readonly rabbitmq: PrivateRabbitmq
  readonly adminPassword: string
  urlOf(controller: SiteProcess): string
  /** The clouds.yaml of a controller. */
  cloudsOf(controller: SiteProcess): string
}

/** How a site is made. */
export interface SiteOptions {
  controllers?: number
  hosts?: 1 | 2
  /** Sections and options beside those that every process has. */
  config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const FIRST_PORT = 5000

/** Makes a site; PostgreSQL, RabbitMQ and the hosts are there, controllers and agents not yet. Needs root and a network namespace of its own. */
export async function site(options: SiteOptions = {}): Promise<Site> {
  const data = await mkdtemp(join(tmpdir(), 'alto-site-'))
  await using undo = new AsyncDisposableStack()
  if (process.env['ALTO_KEEP'] === undefined) undo.defer(() => rm(data, { recursive: true, force: true }))
  const id = systemIds.bytes(4).toString('hex')
  const namespaces = await hostNamespaces(options.hosts ?? 2)
  for (const one of namespaces) undo.defer(() => one.remove())
  const [postgres, rabbitmq, image] = await Promise.all([privatePostgres(), privateRabbitmq({ address: CONTROL }), guestImage()])
  if (!postgres || !rabbitmq) throw new Error('this machine has no PostgreSQL or no RabbitMQ (packages postgresql, rabbitmq-server)')
  undo.use(postgres)
  undo.use(rabbitmq)

  const secret = () => systemIds.bytes(18).toString('base64url')
  const passwords = { adminPassword: secret(), demoPassword: secret() }
  const ports = Array.from({ length: options.controllers ?? 2 }, (_, n) => FIRST_PORT + n)
  const common = {
    cloud: id, database: postgres.url, bus: rabbitmq.url, insecure: true, controllers: ports.map(port => `http://${CONTROL}:${port}`),
    service_password: secret(), metadata_secret: secret(), data_secret: secret(),
  }
  const configure = async (name: string, own: Readonly<Record<string, unknown>>): Promise<string> => {
    const file = join(data, `${name}.yaml`)
    const { site: more, neutron, ...sections } = options.config ?? {}
    await writeFile(file, JSON.stringify({ site: { ...common, name, ...own, ...more }, neutron: { external_routed: true, ...neutron }, ...sections }, null, 1), { mode: 0o600 })
    return file
  }
  const controllers = await Promise.all(ports.map(async (port, n) => {
    const name = `controller${n + 1}`
    const config = await configure(name, {
      listen: `${CONTROL}:${port}`, data: join(data, 'controllers'), run: join(data, 'run'), admin_password: passwords.adminPassword, demo_password: passwords.demoPassword, demo_image: image.path,
    })
    await writeFile(join(data, `${name}-clouds.yaml`), cloudsYaml(`http://${CONTROL}:${port}`, passwords), { mode: 0o600 })
    return new SiteProcess({ name, within: [], roles: ['controller'], config, log: join(data, `${name}.log`) })
  }))
  const hosts = await Promise.all(namespaces.map(async (namespace): Promise<SiteHost> => {
    const own = join(data, namespace.name)
    await mkdir(own)
    const config = await configure(namespace.name, { data: own, data_address: namespace.address, ...(namespaces.length > 1 && { tunnel_address: namespace.tunnelAddress }) })
    return { ...namespace, agents: new SiteProcess({ name: namespace.name, within: namespace.within, roles: ['host'], config, log: join(data, `${namespace.name}.log`) }) }
  }))
  undo.defer(() => endStrays(id))
  for (const one of [...controllers, ...hosts.map(host => host.agents)]) undo.defer(() => one.kill())

  const cloudsOf = (controller: SiteProcess) => join(data, `${controller.name}-clouds.yaml`)
  let turn = 0
  // Requests go to the controllers in turn: what one has begun, the other goes on with.
  const running = () => controllers.filter(controller => controller.pid !== undefined)
  const client = clientOf(() => cloudsOf(running()[turn++ % running().length]!))
  const parts = undo.move()
  const made: Site = {
    ...client,
    data, id, controllers, hosts, postgres, rabbitmq, cloudsOf, adminPassword: passwords.adminPassword,
    urlOf: controller => `http://${CONTROL}:${ports[controllers.indexOf(controller)]!}`,
    async up() {
      await postgres.start()
      await rabbitmq.start()
      for (const controller of controllers) await controller.start()          // the first makes what the second finds
      await Promise.all(hosts.map(host => host.agents.start()))
      const gateway = await client.until('a host that leads out', 30, async () => {
        for (const host of hosts) if ((await must(...host.within, 'ip', '-o', 'address')).includes(EXTERNAL.replace('0/24', '1/24'))) return host
        return undefined
      })
      await must('ip', 'route', 'replace', EXTERNAL, 'via', gateway.address)
    },
    async down() {
      await Promise.all(hosts.filter(host => host.agents.pid !== undefined).map(host => must(...host.within, ours('alto'), 'down', '--config', host.agents.options.config)))
      await Promise.all(controllers.map(controller => controller.stop()))
    },
    async crash() {
      await Promise.all([controllers[0]!, ...hosts.map(host => host.agents)].map(one => one.kill()))
    },
    async audit() {
      const { stdout, stderr } = await run(ours('alto'), ['audit', '--config', controllers[1]?.options.config ?? controllers[0]!.options.config])
      return (stdout + stderr).trim()
    },
    async traces() {
      return (await Promise.all(hosts.map(async host => (await tracesOf(id, host.within)).map(line => `${host.name}: ${line}`)))).flat()
    },
    remove: () => parts.disposeAsync(),
  }
  return made
}

/** Guests, daemons and helpers that outlive agents. */
async function endStrays(cloud: string): Promise<void> {
  await run('pkill', ['-KILL', '-f', cloud])
}

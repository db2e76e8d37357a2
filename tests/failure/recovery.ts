// `npm run recovery`: how long it takes until what was killed does its work again, as docs/guides/operations.md tells it. A site with two controllers and two
// hosts; a server on one host has a volume of the other. Each part is killed `RUNS` times, and started at once where it is not started by another part.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@alto/kit/clock'
import { run } from '../e2e/cloud.ts'
import { site } from '../site/site.ts'
import { User } from './user.ts'
import { Work } from './work.ts'

const RUNS = 5

await using undo = new AsyncDisposableStack()
const one = await site()
undo.defer(() => one.remove())
await one.up()
const [first, second] = one.controllers
const userOf = (bases: () => string[]) => new User(bases, { name: 'admin', password: one.adminPassword, project: 'admin' })
const [user, ofFirst] = [userOf(() => [one.urlOf(second!)]), userOf(() => [one.urlOf(first!)])]
const work = new Work(user, { reaches: async () => {}, dies: async () => {}, web: '' })

async function measured(what: string, kill: () => Promise<unknown>, works: () => Promise<unknown>): Promise<void> {
  const times: number[] = []
  for (let n = 0; n < RUNS; n++) {
    await works()
    const began = systemClock.now()
    await kill()
    await works()
    times.push((systemClock.now() - began) / 1000)
    await sleep(2000)
  }
  times.sort((a, b) => a - b)
  console.log(`| ${what} | ${times[RUNS >> 1]!.toFixed(1)} (${times[0]!.toFixed(1)} … ${times.at(-1)!.toFixed(1)}) |`)
}

/** The processes of the cloud whose program's name holds `name`. */
async function pids(name: string, more = ''): Promise<number[]> {
  const { stdout } = await run('pgrep', ['-af', one.id])
  return stdout.split('\n').filter(line => line.split(' ')[1]?.includes(name) && line.includes(more)).map(line => Number(line.split(' ')[0]))
}

/** Kills one such process; works again when there are as many as before, none of them the one that was killed. */
async function daemon(what: string, name: string, more = ''): Promise<void> {
  let killed = 0
  const count = (await pids(name, more)).length
  assert.ok(count > 0, `no ${name} runs`)
  await measured(what, async () => {
    killed = (await pids(name, more))[0]!
    process.kill(killed, 'SIGKILL')
  }, () => user.ensure(what, async () => { const now = await pids(name, more); return now.length === count && !now.includes(killed) }))
}

await work.network('net', '10.77.0.0/24')
await work.volume('data')
const home = (await work.volumes()).find(volume => volume.name === 'data')!['os-vol-host-attr:host']!.split('@')[0]!
const away = one.hosts.find(host => host.name !== home)!
const server = await work.server('one', away.name)
await work.attached('data', 'one')
const answers = (asker: User) => () => asker.ensure('an answer', async () => (await asker.ask('GET', '/compute/v2.1/servers')).status === 200)
const action = (body: unknown) => user.ask('POST', `/compute/v2.1/servers/${server.id}/action`, body)

console.log(`| what dies | seconds until it works again: median (least … most) of ${RUNS} |\n|---|---|`)
await measured('a controller: it answers again', async () => { await first!.kill(); await first!.start() }, answers(ofFirst))
await measured('a controller: the other one answers', async () => { void first!.kill().then(() => first!.start()) }, answers(user))
await measured('the agents of a host: they answer for their guests again', async () => { await away.agents.kill(); await away.agents.start() }, () => user.ensure('a console log', async () => (await action({ 'os-getConsoleOutput': {} })).status === 200))
await measured('PostgreSQL: controllers answer again', async () => { await one.postgres.kill(); await one.postgres.start() }, answers(user))
await measured('RabbitMQ (its own start included): a rebooted server is ACTIVE', async () => { await one.rabbitmq.kill(); await one.rabbitmq.start(); await action({ reboot: { type: 'HARD' } }) }, () => work.server('one', away.name))
await daemon('dnsmasq: it runs again', 'dnsmasq')
await daemon('the storage daemon of an exported volume: it runs again', 'qemu-storage')
await daemon('QEMU: it is started again, and boots', 'qemu-system', server.id)
await work.cleared()
await one.down()

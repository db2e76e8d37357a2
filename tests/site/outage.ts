// The bus is a doorbell: without RabbitMQ requests are accepted, and when it is back, what they asked for comes true in seconds.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@alto/kit/clock'
import type { Site } from './site.ts'

/** RabbitMQ is down for `seconds` while a user asks for servers and volumes and gives some back; gives the seconds until all was so. */
export async function busOutage(site: Site, seconds: number): Promise<number> {
  const accepted = async (...args: string[]) => {
    const { code, stdout, stderr } = await site.osText('alto', ...args)
    assert.equal(code, 0, `without RabbitMQ: openstack ${args.join(' ')}: ${stderr}${stdout}`)
  }
  await site.os('server', 'create', '--flavor', 'm1.nano', '--image', 'cirros-alto-x86_64-disk', '--network', 'private', '--wait', 'before')
  await site.rabbitmq.kill()
  const down = systemClock.now()
  await accepted('server', 'create', '--flavor', 'm1.nano', '--image', 'cirros-alto-x86_64-disk', '--network', 'private', 'during')
  await accepted('volume', 'create', '--size', '1', 'outage')
  await accepted('server', 'delete', 'before')
  await accepted('network', 'create', 'outage')
  await sleep(Math.max(0, down + seconds * 1000 - systemClock.now()))
  await site.rabbitmq.start()
  const back = systemClock.now()
  await site.until('what was asked without RabbitMQ', 60, async () => {
    const [servers, volumes] = [await site.os<Record<string, string>[]>('server', 'list'), await site.os<Record<string, string>[]>('volume', 'list')]
    assert.ok(servers.every(one => one['Status'] !== 'ERROR'), JSON.stringify(servers))
    return servers.some(one => one['Name'] === 'during' && one['Status'] === 'ACTIVE') && !servers.some(one => one['Name'] === 'before') && volumes.some(one => one['Name'] === 'outage' && one['Status'] === 'available')
  })
  const recovery = (systemClock.now() - back) / 1000
  await accepted('server', 'delete', '--wait', 'during')
  await accepted('volume', 'delete', 'outage')
  await accepted('network', 'delete', 'outage')
  return recovery
}

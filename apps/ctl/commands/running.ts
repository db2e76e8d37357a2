// Commands that speak to a running cloud: down, reset, status, restart.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isHeld } from '@alto/allinone/data-directory'
import { Fault, isFault } from '@alto/kit/errors'
import { ask, askCloud, runDirectory, withCloud, withData, type AddCommand, type CloudFlags } from './data.ts'

const STOP_DEADLINE = 120_000

/** Adds them. */
export const addRunning: AddCommand = (program, exits) => {
  withCloud(program.command('down')).description('stop the cloud and its guests; "up" (or "serve") starts what ran').option('--keep-guests', 'leave the guests running')
    .action(async (flags: CloudFlags & { keepGuests?: boolean }) => {
      if (flags.config !== undefined) return endProcess(flags)
      await runDirectory(flags.data)
      if (!isHeld(flags.data)) { console.log('The cloud is not running.'); return }
      await ask(flags.data, 'down', { keepGuests: flags.keepGuests === true }).catch((error: unknown) => { if (!isFault(error, 'control.notRunning')) throw error })
      await released(flags.data)
    })
  withData(program.command('reset')).description('back to the state after the first start').action(async (flags: { data: string }) => {
    await ask(flags.data, 'reset')
    console.log('The cloud is as after its first start.')
  })
  withCloud(program.command('status')).description('what runs').option('--json', 'as JSON').action(async (flags: CloudFlags & { json?: boolean }) => {
    try {
      const status = await askCloud(flags, 'status') as Status
      if (flags.json) console.log(JSON.stringify(status))
      else console.log([told(status), ...status.services.map(name => `  ${name} running`)].join('\n'))
    } catch (error) {
      if (!isFault(error, 'ctl.notRunning') && !isFault(error, 'control.notRunning')) throw error
      console.log(error.message)
      exits(3)
    }
  })
  withCloud(program.command('restart')).description('restart one service: its policy file is read again').argument('<service>').action(async (service: string, flags: CloudFlags) => {
    await askCloud(flags, 'restart', { service })
    console.log(`${service} restarted`)
  })
}

/** What a cloud, or a process of a site, answers. A process that needs no agents may not know the cloud; one without agents has no drivers. */
interface Status {
  cloud?: string
  name?: string
  url?: string
  drivers?: string
  services: string[]
  pid: number
  seconds: number
}

function told({ cloud, name, url, drivers, pid, seconds }: Status): string {
  const what = [name, cloud === undefined ? undefined : `cloud ${cloud}`].filter(part => part !== undefined).join(' of ')
  return [`${what}${url === undefined ? '' : ` at ${url}`}`, ...drivers === undefined ? [] : [`${drivers} drivers`], `pid ${pid}`, `up for ${seconds} s`].join(', ')
}

/** Ends a process of a site, and waits for it. */
async function endProcess(flags: CloudFlags & { keepGuests?: boolean }): Promise<void> {
  try {
    const { pid } = await askCloud(flags, 'status') as { pid: number }
    await askCloud(flags, 'down', { keepGuests: flags.keepGuests === true })
    for (let waited = 0; existsSync(`/proc/${pid}`); waited += 50) {
      if (waited > STOP_DEADLINE) throw new Fault('unavailable', 'ctl.downLate', `The process ${pid} has not stopped within ${STOP_DEADLINE / 1000} s; its log says what it is doing.`)
      await sleep(50)
    }
  } catch (error) {
    if (!isFault(error, 'control.notRunning')) throw error
    console.log('The process is not running.')
  }
}

async function released(dir: string): Promise<void> {
  for (let waited = 0; isHeld(dir); waited += 50) {
    if (waited > STOP_DEADLINE) throw new Fault('unavailable', 'ctl.downLate', `The cloud has not stopped within ${STOP_DEADLINE / 1000} s; ${dir}/log/alto.log says what it is doing.`)
    await sleep(50)
  }
}

// A policy follows its files while the cloud runs.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock } from '@alto/kit/clock'
import { memoryLog } from '@alto/kit/log'
import { rule, type Credentials } from '@alto/kit/policy'
import { until } from '@alto/kit/testing'
import { livePolicy } from './policies.ts'

const member: Credentials = { userId: 'u', userDomainId: 'default', projectId: 'p', projectDomainId: 'default', roles: ['member'] }
const RULES = [rule({ name: 'do:it', check: 'role:admin', description: '' })]

test('a changed, an added and a removed policy file hold without a restart; a bad one changes nothing and is told', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'alto-policy-'))
  const [clock, log] = [new ManualClock(), memoryLog()]
  const policy = await livePolicy(dir, 'thing', RULES, { clock, log, options: { enforceScope: true, enforceNewDefaults: true } })
  const allowed = () => policy.current().allowed('do:it', member).allowed
  const becomes = (what: boolean) => until(`allowed is ${what}`, async () => { await clock.advance(1000); return allowed() === what })
  try {
    assert.equal(allowed(), false)
    await writeFile(join(dir, 'thing.yaml'), 'do:it: role:member')
    await becomes(true)
    await mkdir(join(dir, 'thing.d'))
    await writeFile(join(dir, 'thing.d', '10-stricter.yaml'), 'do:it: "!"')
    await becomes(false)
    await writeFile(join(dir, 'thing.d', '20-worse.yaml'), 'do:it: "role:member and"')
    await until('the bad file is told', async () => { await clock.advance(1000); return log.lines.some(line => JSON.stringify(line).includes('20-worse.yaml')) })
    assert.equal(allowed(), false, 'the rules from before hold')
    await rm(join(dir, 'thing.d'), { recursive: true })
    await becomes(true)
  } finally {
    policy.stop()
    await rm(dir, { recursive: true })
  }
})

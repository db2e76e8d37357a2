// What holds for every route of Neutron, worked out from its table.
import { after } from 'node:test'
import { sweepTests } from '@alto/kit/testing'
import { declared } from '../index.ts'
import { neutronAlone, type Cloud } from './cloud.ts'

let cloud: Cloud | undefined
after(() => cloud?.[Symbol.asyncDispose]())

sweepTests('neutron alone', [{ name: 'neutron', prefix: '/networking', routes: declared.routes }], async () => {
  cloud = await neutronAlone()
  return { fetch: cloud.fetch, personas: { reader: 'p:reader', member: 'p:member,reader', admin: 'a:admin,member,reader' } }
})

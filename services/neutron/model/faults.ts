// The faults that Neutron's managers throw. A code's last step is upstream's name of the error, which clients see as its `type`.
import { Fault, type FaultKind } from '@alto/kit/errors'

/** A refusal with upstream's `type`; the dialect shows it to the client. */
export function neutronFault(kind: FaultKind, type: string, message: string, cause?: unknown): Fault {
  return new Fault(kind, `neutron.${type}`, message, cause === undefined ? {} : { cause })
}

const NOUNS = {
  network: ['NetworkNotFound', 'Network'], subnet: ['SubnetNotFound', 'Subnet'], port: ['PortNotFound', 'Port'], router: ['RouterNotFound', 'Router'],
  floatingip: ['FloatingIPNotFound', 'Floating IP'], security_group: ['SecurityGroupNotFound', 'Security group'],
  security_group_rule: ['SecurityGroupRuleNotFound', 'Security group rule'], agent: ['AgentNotFound', 'Agent'],
} as const

/** What can be not there. */
export type Noun = keyof typeof NOUNS

/** Nothing of that kind under that id, as far as the caller may know. */
export function notFound(noun: Noun, id: string): Fault {
  const [type, words] = NOUNS[noun]
  if (noun === 'security_group' || noun === 'security_group_rule') return neutronFault('notFound', type, `${words} ${id} does not exist`)
  return neutronFault('notFound', type, `${words} ${id} could not be found${noun === 'agent' ? '' : '.'}`)
}

/** Input that contradicts itself or the rows. */
export function invalidInput(reason: string): Fault {
  return neutronFault('badRequest', 'InvalidInput', `Invalid input for operation: ${reason}.`)
}

/** A request that its resource refuses. */
export function badRequest(resource: string, message: string): Fault {
  return neutronFault('badRequest', 'BadRequest', `Bad ${resource} request: ${message}.`)
}

/** A quota that is used up. */
export function overQuota(resource: string): Fault {
  return new Fault('overQuota', 'neutron.OverQuota', `Quota exceeded for resources: ['${resource}'].`)
}

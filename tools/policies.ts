// Compares our policy rules with upstream's defaults.
import { checkText, parseCheck, type Rule } from '@alto/kit/policy'
import { rulesOf } from './inventory.ts'

/** What differs between a service's rules and the inventory, a sentence for each. Rules of our own begin with `alto:`. */
export function comparePolicies(service: string, rules: readonly Rule[]): string[] {
  const upstream = rulesOf(service)
  return rules.filter(one => !one.name.startsWith('alto:')).flatMap(one => {
    const theirs = upstream.get(one.name)
    if (!theirs) return [`${one.name}: upstream's ${service} has no such rule`]
    return [
      ...same(one.check, theirs.check) ? [] : [`${one.name}: the check is "${one.check}", upstream's is "${theirs.check}"`],
      ...same(one.legacy, theirs.legacy) ? [] : [`${one.name}: the legacy check is ${JSON.stringify(one.legacy)}, upstream's is ${JSON.stringify(theirs.legacy)}`],
    ]
  })
}

function same(ours: string | undefined, theirs: string | undefined): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs
  return checkText(parseCheck(ours)) === checkText(parseCheck(theirs))
}

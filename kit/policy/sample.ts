// The sample policy file: every rule with its default, commented out, as an operator starts from.
import type { Rule } from './rules.ts'

/** The YAML text of a sample policy file for `rules`, each commented out under what it is for and what it guards. */
export function samplePolicy(rules: readonly Rule[]): string {
  return rules.map(one => [
    ...wrapped(one.description),
    ...(one.operations ?? []).map(operation => `# ${operation}`),
    ...(one.scopes?.length ? [`# Scopes of tokens: ${one.scopes.join(', ')}`] : []),
    ...(one.legacy === undefined ? [] : [`# With the new defaults turned off, this passes too: ${JSON.stringify(one.legacy)}`]),
    ...(one.formerly === undefined ? [] : [`# Formerly called ${one.formerly}`]),
    `#${JSON.stringify(one.name)}: ${JSON.stringify(one.check)}`,
  ].join('\n')).join('\n\n') + '\n'
}

function wrapped(text: string): string[] {
  const lines = ['#']
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (lines.at(-1)!.length + word.length > 98) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}

// What `config show` and `config sample` print.
import { stringify } from 'yaml'
import { environmentName, type Section } from './options.ts'
import type { Setting } from './load.ts'

/** A line for each setting: section.option = value, and where the value came from when it is no default. Secrets are hidden. */
export function showConfig(settings: readonly Setting[]): string {
  return settings.map(({ section, option, value, from }) => {
    const shown = option.secret && value !== null ? '***' : JSON.stringify(value)
    return `${section}.${option.name} = ${shown}${from === 'default' ? '' : `   (${from})`}\n`
  }).join('')
}

/** A configuration file with every option commented out at its default, under its meaning. */
export function sampleConfig(sections: readonly Section[]): string {
  return sections.map(({ name, options }) => `${name}:\n${options.map(option => [
    ...wrapped(option.meaning),
    ...(option.type === 'choice' ? [`# One of: ${option.choices.join(', ')}`] : []),
    ...('min' in option || 'max' in option ? [`# Range: ${option.min ?? ''} … ${option.max ?? ''}`] : []),
    `# Environment: ${environmentName(name, option.name)}${option.upstream === undefined ? '' : `. Upstream: ${option.upstream}`}`,
    `# ${stringify({ [option.name]: option.default }, { collectionStyle: 'flow', lineWidth: 0 }).trim().replace(/^\{ (.*) \}$/s, '$1')}`,
  ].map(line => `  ${line}\n`).join('')).join('\n')}`).join('\n')
}

function wrapped(text: string): string[] {
  const lines = ['#']
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (lines.at(-1)!.length + word.length > 96) lines.push('#')
    lines[lines.length - 1] += ` ${word}`
  }
  return lines
}

// Reads the configuration: the file, then the environment over it, then the defaults under both. What nobody declared is an error.
import { parse } from 'yaml'
import { Fault, messageOf } from '../errors/index.ts'
import { nearest } from './nearest.ts'
import { camelCase, environmentName, isHttpUrl, type Config, type Option, type Section } from './options.ts'

/** Where configuration comes from. */
export interface ConfigSource {
  /** The file's name, for messages. */
  readonly file: string
  /** The file's text; empty when there is none. */
  readonly text: string
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** One option's value and where it came from. */
export interface Setting {
  readonly section: string
  readonly option: Option
  readonly value: Option['default']
  readonly from: 'default' | 'file' | 'environment'
}

/** Every option's setting, and a sentence for each thing that is wrong. */
export interface ConfigReading {
  readonly settings: readonly Setting[]
  readonly problems: readonly string[]
}

/** The typed values of all sections. Throws Fault('badRequest', 'config.invalid') with a line for each problem. */
export function loadConfig<const S extends readonly Section[]>(sections: S, source: ConfigSource): Config<S> {
  const { settings, problems } = readConfig(sections, source)
  if (problems.length > 0) throw new Fault('badRequest', 'config.invalid', problems.join('\n'))
  const values = Object.fromEntries(sections.map(({ name }) => [name, Object.fromEntries(
    settings.filter(setting => setting.section === name).map(setting => [camelCase(setting.option.name), setting.value]))]))
  return values as Config<S>           // each value was checked against its option's type by valueOf
}

/** Every setting with where it came from, and all problems at once: for `config show` and `config check`. */
export function readConfig(sections: readonly Section[], source: ConfigSource): ConfigReading {
  const problems: string[] = []
  const environment = source.environment ?? {}
  const file = fileSections(sections, source, problems)
  const settings = sections.flatMap(({ name: sectionName, options }) => options.map((option): Setting => {
    const variable = environmentName(sectionName, option.name)
    const fromEnvironment = environment[variable]
    if (fromEnvironment !== undefined) return { section: sectionName, option, from: 'environment', value: valueOf(option, fromText(option, fromEnvironment), variable, problems) }
    const written = file[sectionName]?.[option.name]
    if (written !== undefined) return { section: sectionName, option, from: 'file', value: valueOf(option, written, `${source.file}: ${sectionName}.${option.name}`, problems) }
    return { section: sectionName, option, from: 'default', value: option.default }
  }))
  problems.push(...unknownVariables(sections, environment))
  return { settings, problems }
}

function fileSections(sections: readonly Section[], { file, text }: ConfigSource, problems: string[]): Record<string, Record<string, unknown>> {
  let parsed: unknown
  try {
    parsed = parse(text) ?? {}
  } catch (cause) {
    problems.push(`${file}: not YAML: ${messageOf(cause).split('\n')[0]}`)
    return {}
  }
  if (!isMap(parsed)) {
    problems.push(`${file}: a configuration is a section for each service`)
    return {}
  }
  const known: Record<string, Record<string, unknown>> = {}
  for (const [name, written] of Object.entries(parsed)) {
    const declared = sections.find(one => one.name === name)
    if (!declared) {
      problems.push(`${file}: there is no section ${name}${didYouMean(name, sections.map(one => one.name))}`)
    } else if (written !== null && !isMap(written)) {
      problems.push(`${file}: section ${name} must be a list of option: value`)
    } else {
      known[name] = written ?? {}
      const names = declared.options.map(one => one.name)
      for (const key of Object.keys(known[name])) {
        if (!names.includes(key)) problems.push(`${file}: ${name} has no option ${key}${didYouMean(key, names)}`)
      }
    }
  }
  return known
}

function unknownVariables(sections: readonly Section[], environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = sections.flatMap(({ name, options }) => options.map(one => environmentName(name, one.name)))
  const prefixes = sections.map(({ name }) => environmentName(name, ''))
  return Object.keys(environment)
    .filter(variable => prefixes.some(prefix => variable.startsWith(prefix)) && !known.includes(variable))
    .map(variable => `environment: ${variable} sets no option${didYouMean(variable, known)}`)
}

/** A value checked against its option; null and a problem when it does not fit. */
function valueOf(option: Option, value: unknown, where: string, problems: string[]): Option['default'] {
  const refuse = (wanted: string): null => {
    problems.push(`${where} is ${option.secret ? 'not right' : JSON.stringify(value)}: it must be ${wanted}`)
    return null
  }
  if (value === null) return option.default === null ? null : refuse(wantedOf(option))
  switch (option.type) {
    case 'string': return typeof value === 'string' ? value : refuse(wantedOf(option))
    case 'boolean': return typeof value === 'boolean' ? value : refuse(wantedOf(option))
    case 'choice': return option.choices.find(one => one === value) ?? refuse(wantedOf(option))
    case 'url': return typeof value === 'string' && isHttpUrl(value) ? value : refuse(wantedOf(option))
    case 'strings': return Array.isArray(value) && value.every(one => typeof one === 'string') ? value : refuse(wantedOf(option))
    case 'urls': return Array.isArray(value) && value.every(one => typeof one === 'string' && isHttpUrl(one)) ? value : refuse(wantedOf(option))
    case 'integer':
    case 'number': {
      const fits = typeof value === 'number' && (option.type === 'number' ? Number.isFinite(value) : Number.isSafeInteger(value))
        && value >= (option.min ?? -Infinity) && value <= (option.max ?? Infinity)
      return fits ? value : refuse(wantedOf(option))
    }
  }
}

function wantedOf(option: Option): string {
  switch (option.type) {
    case 'string': return 'text (in quotes when it looks like something else)'
    case 'boolean': return 'true or false'
    case 'choice': return `one of ${option.choices.join(', ')}`
    case 'url': return 'a URL such as https://cloud.example:5000'
    case 'strings': return 'a list of text'
    case 'urls': return 'a list of URLs such as https://cloud.example:5000'
    case 'integer':
    case 'number': return `${option.type === 'integer' ? 'a whole number' : 'a number'}${option.min === undefined ? '' : `, at least ${option.min}`}${option.max === undefined ? '' : `, at most ${option.max}`}`
  }
}

/** An environment variable's text as the option's type; text that does not fit stays as it is, for valueOf to refuse. */
function fromText(option: Option, text: string): unknown {
  switch (option.type) {
    case 'boolean': return /^(true|1|yes|on)$/i.test(text) ? true : /^(false|0|no|off)$/i.test(text) ? false : text
    case 'integer':
    case 'number': return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
    case 'strings':
    case 'urls': return text.split(',').map(one => one.trim()).filter(Boolean)
    default: return text
  }
}

function didYouMean(name: string, known: readonly string[]): string {
  const close = nearest(name, known)
  return close === undefined ? '' : `; did you mean ${close}?`
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

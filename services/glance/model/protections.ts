// Property protections: which custom properties a caller may create, read, update and delete, as the operator's file says.
// The file has a section for each expression over names; the first that matches a name counts, and a name that none matches is for nobody.

export const PROPERTY_ACTIONS = ['create', 'read', 'update', 'delete'] as const
export type PropertyAction = typeof PROPERTY_ACTIONS[number]

/** Whom the file names: roles, or rules of the service's policy. */
export type ProtectionFormat = 'roles' | 'policies'

/** Who asks. */
export interface Asking {
  roles: readonly string[]
  /** Whether the caller passes a rule of the policy; false for a rule that there is not. */
  passes(rule: string): boolean
}

/** A file that was read. */
export interface Protections {
  allows(action: PropertyAction, name: string, asking: Asking): boolean
}

interface Section { matches: RegExp, who: Record<PropertyAction, readonly string[]> }

/** Reads the text of a file. Throws an Error with its line or section when it cannot be obeyed: a file that is read half would let in too much. */
export function readProtections(text: string, format: ProtectionFormat): Protections {
  const sections = readSections(text).map(([expression, entries]) => sectionOf(expression, entries, format))
  return {
    allows(action, name, asking) {
      if (name.startsWith('os_glance')) return true                             // Glance's own
      const who = sections.find(section => section.matches.test(name))?.who[action] ?? []
      if (who.includes('!')) return false
      if (who.includes('@')) return true
      return format === 'roles' ? asking.roles.some(role => who.includes(role.toLowerCase())) : who.some(rule => asking.passes(rule))
    },
  }
}

/** The sections of an INI file, in their order; keys in lower case. */
function readSections(text: string): [string, Map<string, string>][] {
  const sections: [string, Map<string, string>][] = []
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const wrong = (why: string) => new Error(`line ${i + 1}: ${why}`)
    const header = /^\[(.+)\]$/.exec(line)
    if (header) {
      if (sections.some(([name]) => name === header[1])) throw wrong(`there is a second section [${header[1]}]`)
      sections.push([header[1]!, new Map()])
      continue
    }
    const [, key, value] = /^([^=:\s]+)\s*[=:]\s*(.*)$/.exec(line) ?? []
    const section = sections.at(-1)
    if (key === undefined || value === undefined || !section) throw wrong('it is neither a [section] nor ACTION = WHO below one')
    section[1].set(key.toLowerCase(), value)
  }
  return sections
}

function sectionOf(expression: string, entries: ReadonlyMap<string, string>, format: ProtectionFormat): Section {
  const read = (action: PropertyAction): readonly string[] => {
    const value = entries.get(action)
    if (value === undefined) throw new Error(`[${expression}] does not say who may ${action}: ! is nobody, @ everybody`)
    const who = value.split(',').map(one => one.trim()).filter(one => one !== '').map(one => format === 'roles' ? one.toLowerCase() : one)
    if (who.includes('@') && who.includes('!')) throw new Error(`[${expression}] ${action}: @ and ! exclude each other`)
    if (format === 'policies' && who.length > 1) throw new Error(`[${expression}] ${action}: it names several rules, of which the policy file has to make one`)
    return who
  }
  let matches: RegExp
  try {
    matches = new RegExp(expression)
  } catch (cause) {
    throw new Error(`[${expression}] is no regular expression`, { cause })
  }
  return { matches, who: { create: read('create'), read: read('read'), update: read('update'), delete: read('delete') } }
}

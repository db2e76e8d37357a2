// Nothing in the repository names the machine it was written on, or a package registry's host: a clone has neither.
import { matches, type Lint } from './lint.ts'

const WORDS = [['/wo', 'rk/'], ['/tmp/br', 'ief'], ['../sha', 'red/'], ['registry.npm', 'js'], ['registry.yarn', 'pkg'], ['npm', 'mirror'], ['artifac', 'tory'], ['"resol', 'ved": "http']].map(parts => parts.join(''))
const PATTERN = new RegExp(`(?<![\\w.])(?:${WORDS.map(word => word.replace(/[./]/g, '\\$&')).join('|')})`, 'gim')

/** Paths of one machine and hosts of package registries. */
export const words: Lint = {
  name: 'words',
  check: files => files.flatMap(file => matches(file, PATTERN, match => `"${match[0]}" means nothing in a clone`, 'text')),
  refuses: [{ 'README.md': `see ${WORDS[0]}main` }, { 'package-lock.json': `{${WORDS.at(-1)}s://packages.example/a.tgz"}` }, { 'docs/a.md': `from ${WORDS[2]}api` }],
  accepts: [{ 'README.md': 'see ./docs, and /var/lib/network/' }],
}

// Reads source files for the lints: the text, and the same text with comments, strings and regular expressions blanked.
import type { SourceFile } from './lint.ts'

/** A file as lints see it. Only TypeScript is blanked; for other files `code` is the text. */
export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: /\.(ts|tsx|mjs)$/.test(path) ? blank(text) : text }
}

/** Comments, quoted text, the fixed parts of templates, and regular expressions; a slash counts as the start of one where no value ends. */
const QUIET = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=(?:^|[=(,:[!&|?{};+>]|\breturn|=>)\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*|`(?:\\.|[^`\\])*`/gm

function blank(text: string): string {
  return text.replace(QUIET, quiet => quiet.startsWith('`') ? blankTemplate(quiet) : quiet.replace(/[^\n]/g, ' '))
}

/** The code inside `${ }` of a template stays, its text goes. Nested templates are blanked with their text. */
function blankTemplate(template: string): string {
  return template.split(/(\$\{[^{}`]*\})/).map((part, i) => i % 2 === 1 ? part : part.replace(/[^\n]/g, ' ')).join('')
}

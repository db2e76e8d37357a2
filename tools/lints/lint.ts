// What a house lint is. Each carries a file that it must refuse and one that it must let pass; lints.test.ts tries both.

/** A file of the repository. */
export interface SourceFile {
  /** From the repository's root. */
  readonly path: string
  readonly text: string
  /** The text with the insides of comments, strings and regular expressions blanked: same lines, same columns. */
  readonly code: string
}

/** One thing that is wrong, at a line counted from 1. */
export interface Finding {
  readonly path: string
  readonly line: number
  readonly said: string
}

/** A rule that a program can check. */
export interface Lint {
  readonly name: string
  /** Findings over the whole tree. */
  check(files: readonly SourceFile[]): Finding[]
  readonly refuses: readonly Fixture[]
  readonly accepts: readonly Fixture[]
}

/** A small tree, for trying a lint. */
export type Fixture = Readonly<Record<string, string>>

/** True for tests, suites shared by tests, and what runs them: where the machine's clock and processes are fair. */
export function isTestOrTool(path: string): boolean {
  return /\.(test|conformance)\.ts$/.test(path) || /^(tests|tools|guest)\//.test(path) || path.includes('/test/') || path.startsWith('kit/testing/')
}

/** A finding for each match of `pattern` (with the flags gm) in the blanked code of `file`. */
export function matches(file: SourceFile, pattern: RegExp, said: (match: RegExpMatchArray) => string, where: 'code' | 'text' = 'code'): Finding[] {
  return [...file[where].matchAll(pattern)].map(match => ({ path: file.path, line: file.text.slice(0, match.index).split('\n').length, said: said(match) }))
}

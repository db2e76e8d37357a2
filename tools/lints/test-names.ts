// A test's name is a sentence about the cloud: what fails should be understood without opening the file.
import { matches, type Lint } from './lint.ts'

const TEST = /^[ \t]*(?:await )?(?:t\.)?(?:test|it)(?:\.(?:skip|only|todo))?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/gm

/** Test names that are no sentences, and tests left switched to `only`. */
export const testNames: Lint = {
  name: 'test-names',
  check: files => files.filter(file => /\.(test|conformance)\.ts$/.test(file.path)).flatMap(file => [
    ...matches(file, TEST, match => match[2]!, 'text').filter(({ said }) => said.trim().split(/\s+/).length < 3 || /^(should|tests?|works|checks?) /i.test(said))
      .map(finding => ({ ...finding, said: `"${finding.said}": write a sentence that is true when the test passes` })),
    ...matches(file, /\b(?:test|it|describe)\.only\(|\bonly: true/gm, () => '"only" leaves all other tests out'),
  ]),
  refuses: [{ 'kit/a.test.ts': 'test(\'works\', () => {})\n' }, { 'kit/a.test.ts': 'test(\'should delete the server\', () => {})\n' }, { 'kit/a.test.ts': 'test.only(\'a server that is gone is not found\', () => {})\n' }],
  accepts: [{ 'kit/a.test.ts': 'test(\'a server that is gone is not found\', () => {})\ntest(`${name} refuses a stranger`, () => {})\n', 'kit/a.ts': 'pattern.test(\'x\')\n' }],
}

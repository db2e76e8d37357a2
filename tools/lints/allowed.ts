// Exceptions to the lints, each with its reason. This list only shrinks: an entry without a finding is itself a finding.

/** A file that a lint passes over, and why. */
export interface Exception {
  readonly lint: string
  readonly path: string
  readonly reason: string
}

/** Every exception there is. */
export const EXCEPTIONS: readonly Exception[] = [
  { lint: 'ambient', path: 'kit/host/run.ts', reason: 'the deadline of a real command runs on the real clock' },
  { lint: 'ambient', path: 'kit/testing/databases.ts', reason: 'names of databases must differ between test processes that share a server' },
  { lint: 'ambient', path: 'services/neutron/test/dhcp-client.ts', reason: 'a program of its own that stands in for a guest, on real time' },
  { lint: 'images', path: 'apps/ctl/packages.ts', reason: 'it names the program to look for its package, and never runs it' },
]
